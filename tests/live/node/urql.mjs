// urql with fetchExchange for queries and mutations and graphql-ws for subscriptions:
// node urql.mjs <http> <ws> <email> <password> <after>
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { INVALID_QUERY, INVALID_SUBSCRIPTION, SIGN_IN, SUBSCRIPTION, VIEWER, codes } from "./common.mjs";
import { after, retry, email, http, password, report, reportingFetch, ws } from "./common.mjs";

let token = null;
let cursor = after;
const bearer = () => (token ? { authorization: `Bearer ${token}` } : {});

const sockets = createClient({ url: ws, connectionParams: bearer, retryAttempts: 0 });
const client = new Client({
  url: http,
  fetch: reportingFetch,
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

const { data } = await client.mutation(SIGN_IN, { input: { email, password } }).toPromise();
token = data.signIn.token;
for (const preferGetMethod of ["within-url-limit", false]) {
  const run = (query) => client.query(query, {}, { preferGetMethod }).toPromise();
  report({ viewer: (await run(VIEWER)).data.viewer });
  report({ invalidQuery: codes((await run(INVALID_QUERY)).error.graphQLErrors) });
}

client
  .subscription(INVALID_SUBSCRIPTION, {})
  .subscribe(({ error }) => report({ invalidSubscription: codes(error.graphQLErrors) }));

function follow() {
  const subscription = client.subscription(SUBSCRIPTION, { after: cursor }).subscribe(({ data, error }) => {
    if (error?.graphQLErrors.length) return report({ errors: codes(error.graphQLErrors) });
    if (error) {
      report({ disconnected: error.message });
      subscription.unsubscribe();
      return retry(follow);
    }
    cursor = data.ticketStatusChanged.cursor;
    return report({ step: data.ticketStatusChanged });
  });
}
follow();
