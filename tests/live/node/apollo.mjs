// Apollo Client with HttpLink for queries and mutations and GraphQLWsLink for subscriptions:
// node apollo.mjs <http> <ws> <email> <password> <after>
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { INVALID_QUERY, INVALID_SUBSCRIPTION, SIGN_IN, SUBSCRIPTION, VIEWER, codes } from "./common.mjs";
import { after, retry, email, http, password, report, reportingFetch, ws } from "./common.mjs";

let token = null;
let cursor = after;
const bearer = () => (token ? { authorization: `Bearer ${token}` } : {});

const sockets = createClient({ url: ws, connectionParams: bearer, retryAttempts: 0 });
const signed = new SetContextLink(({ headers }) => ({ headers: { ...headers, ...bearer() } }));
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    signed.concat(new HttpLink({ uri: http, fetch: reportingFetch })),
  ),
  cache: new InMemoryCache(),
});

const { data } = await client.mutate({ mutation: gql(SIGN_IN), variables: { input: { email, password } } });
token = data.signIn.token;
report({ viewer: (await client.query({ query: gql(VIEWER) })).data.viewer });
await client
  .query({ query: gql(INVALID_QUERY) })
  .catch((error) => report({ invalidQuery: codes(error.errors) }));

client
  .subscribe({ query: gql(INVALID_SUBSCRIPTION) })
  .subscribe(({ error }) => report({ invalidSubscription: codes(error.errors) }));

function follow() {
  const query = { query: gql(SUBSCRIPTION), variables: { after: cursor }, fetchPolicy: "no-cache" };
  client.subscribe(query).subscribe({
    next: ({ data, error }) => {
      if (CombinedGraphQLErrors.is(error)) return report({ errors: codes(error.errors) });
      if (error) return report({ disconnected: error.message });
      cursor = data.ticketStatusChanged.cursor;
      return report({ step: data.ticketStatusChanged });
    },
    complete: () => retry(follow),
  });
}
follow();
