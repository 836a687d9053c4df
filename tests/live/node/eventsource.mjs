// EventSource as browsers have it, which asks by GET, comes again by itself, and then sends the last id that it saw:
// node eventsource.mjs <http> <ws> <email> <password> <after>
import { EventSource } from "eventsource";
import { SIGN_IN, STEPS, VIEWER, WRONG, WRONG_STEPS, codes } from "./common.mjs";
import { after, email, http, password, tell, tellingFetch } from "./common.mjs";

const signIn = await tellingFetch(http, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query: SIGN_IN, variables: { who: { email, password } } }),
});
const { token } = (await signIn.json()).data.signIn;

function source(query, variables = {}) {
  const url = `${http}/stream?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`;
  const bearing = (input, options) =>
    tellingFetch(input, { method: "GET", ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });
  return new EventSource(url, { fetch: bearing });
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
tell({ viewer: (await one(VIEWER)).data.viewer });
tell({ wrong: codes((await one(WRONG)).errors) });
tell({ wrongSteps: codes((await one(WRONG_STEPS)).errors) });

const events = source(STEPS, { after });
events.addEventListener("next", ({ data, lastEventId }) => {
  const step = JSON.parse(data).data.ticketStatusChanged;
  tell({ step, id: lastEventId });
});
events.addEventListener("error", ({ message, code }) => tell({ dropped: message ?? code ?? events.readyState }));
