// urql as an application sets it up, its plain fetchExchange for queries and mutations and graphql-ws for subscriptions:
// node urql.mjs <http> <ws> <email> <password> <after>
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { SIGN_IN, STEPS, VIEWER, WRONG, WRONG_STEPS, codes } from "./common.mjs";
import { after, again, email, http, password, tell, tellingFetch, ws } from "./common.mjs";

let token = null;
let cursor = after;
const bearer = () => (token ? { authorization: `Bearer ${token}` } : {});

const sockets = createClient({ url: ws, connectionParams: bearer, retryAttempts: 0 });
const client = new Client({
  url: http,
  fetch: tellingFetch,
  fetchOptions: () => ({ headers: bearer() }),
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

const { data } = await client.mutation(SIGN_IN, { who: { email, password } }).toPromise();
token = data.signIn.token;
for (const preferGetMethod of ["within-url-limit", false]) {
  tell({ viewer: (await client.query(VIEWER, {}, { preferGetMethod }).toPromise()).data.viewer });
  tell({ wrong: codes((await client.query(WRONG, {}, { preferGetMethod }).toPromise()).error.graphQLErrors) });
}

client.subscription(WRONG_STEPS, {}).subscribe(({ error }) => tell({ wrongSteps: codes(error.graphQLErrors) }));

function follow() {
  const following = client.subscription(STEPS, { after: cursor }).subscribe(({ data, error }) => {
    if (error?.graphQLErrors.length) return tell({ errors: codes(error.graphQLErrors) });
    if (error) {
      tell({ dropped: error.message });
      following.unsubscribe();
      return again(follow);
    }
    cursor = data.ticketStatusChanged.cursor;
    return tell({ step: data.ticketStatusChanged });
  });
}
follow();
