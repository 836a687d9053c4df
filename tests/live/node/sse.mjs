// graphql-sse in its distinct connections mode:
// node sse.mjs <http> <ws> <email> <password> <after>
import { createClient } from "graphql-sse";
import { INVALID_QUERY, INVALID_SUBSCRIPTION, SIGN_IN, SUBSCRIPTION, VIEWER, codes } from "./common.mjs";
import { after, retry, email, http, password, report, reportingFetch } from "./common.mjs";

const signIn = await reportingFetch(http, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query: SIGN_IN, variables: { input: { email, password } } }),
});
const { token } = (await signIn.json()).data.signIn;
const client = createClient({
  url: `${http}/stream`,
  headers: { authorization: `Bearer ${token}` },
  fetchFn: reportingFetch,
  retryAttempts: 0,
});

const one = async (query) => (await client.iterate({ query }).next()).value;
report({ viewer: (await one(VIEWER)).data.viewer }); // the response to a query is one event
report({ invalidQuery: codes((await one(INVALID_QUERY)).errors) });
report({ invalidSubscription: codes((await one(INVALID_SUBSCRIPTION)).errors) });

let cursor = after;
function follow() {
  client.subscribe(
    { query: SUBSCRIPTION, variables: { after: cursor } },
    {
      next: ({ data, errors }) => {
        if (errors) return report({ errors: codes(errors) });
        cursor = data.ticketStatusChanged.cursor;
        return report({ step: data.ticketStatusChanged });
      },
      error: (error) => {
        report({ disconnected: error.message });
        retry(follow);
      },
      complete: () => report({ complete: true }),
    },
  );
}
follow();
