// EventSource as in browsers: it sends GET requests, reconnects by itself, and then sends the last
// event id: node eventsource.mjs <http> <ws> <email> <password> <after>
import { EventSource } from "eventsource";
import { INVALID_QUERY, INVALID_SUBSCRIPTION, SIGN_IN, SUBSCRIPTION, VIEWER, codes } from "./common.mjs";
import { after, email, http, password, report, reportingFetch } from "./common.mjs";

const signIn = await reportingFetch(http, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query: SIGN_IN, variables: { input: { email, password } } }),
});
const { token } = (await signIn.json()).data.signIn;

function source(query, variables = {}) {
  const url = `${http}/stream?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`;
  const fetchWithToken = (input, options) => {
    const headers = { ...options.headers, authorization: `Bearer ${token}` };
    return reportingFetch(input, { method: "GET", ...options, headers });
  };
  return new EventSource(url, { fetch: fetchWithToken });
}

const one = (query) =>
  new Promise((resolve) => {
    const events = source(query);
    let result;
    events.addEventListener("next", ({ data }) => (result = JSON.parse(data)));
    events.addEventListener("complete", () => {
      events.close();
      resolve(result);
    });
  });
report({ viewer: (await one(VIEWER)).data.viewer });
report({ invalidQuery: codes((await one(INVALID_QUERY)).errors) });
report({ invalidSubscription: codes((await one(INVALID_SUBSCRIPTION)).errors) });

const events = source(SUBSCRIPTION, { after });
events.addEventListener("next", ({ data, lastEventId }) => {
  const step = JSON.parse(data).data.ticketStatusChanged;
  report({ step, id: lastEventId });
});
events.addEventListener("error", ({ message, code }) =>
  report({ disconnected: message ?? code ?? events.readyState }),
);
