// graphql-sse in its distinct connections mode, as an application sets it up:
// node sse.mjs <http> <ws> <email> <password> <after>
import { createClient } from "graphql-sse";
import { SIGN_IN, STEPS, VIEWER, WRONG, WRONG_STEPS, codes } from "./common.mjs";
import { after, again, email, http, password, tell, tellingFetch } from "./common.mjs";

const signIn = await tellingFetch(http, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query: SIGN_IN, variables: { who: { email, password } } }),
});
const { token } = (await signIn.json()).data.signIn;
const client = createClient({
  url: `${http}/stream`,
  headers: { authorization: `Bearer ${token}` },
  fetchFn: tellingFetch,
  retryAttempts: 0,
});

const one = async (query) => (await client.iterate({ query }).next()).value;
tell({ viewer: (await one(VIEWER)).data.viewer }); // queries are answered by one event
tell({ wrong: codes((await one(WRONG)).errors) });
tell({ wrongSteps: codes((await one(WRONG_STEPS)).errors) });

let cursor = after;
function follow() {
  client.subscribe(
    { query: STEPS, variables: { after: cursor } },
    {
      next: ({ data, errors }) => {
        if (errors) return tell({ errors: codes(errors) });
        cursor = data.ticketStatusChanged.cursor;
        return tell({ step: data.ticketStatusChanged });
      },
      error: (error) => {
        tell({ dropped: error.message });
        again(follow);
      },
      complete: () => tell({ complete: true }),
    },
  );
}
follow();
