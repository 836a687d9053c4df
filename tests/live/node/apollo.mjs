// Apollo Client as an application sets it up, HttpLink for queries and mutations and GraphQLWsLink for subscriptions:
// node apollo.mjs <http> <ws> <email> <password> <after>
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { SIGN_IN, STEPS, VIEWER, WRONG, WRONG_STEPS, codes } from "./common.mjs";
import { after, again, email, http, password, tell, tellingFetch, ws } from "./common.mjs";

let token = null;
let cursor = after;
const bearer = () => (token ? { authorization: `Bearer ${token}` } : {});

const sockets = createClient({ url: ws, connectionParams: bearer, retryAttempts: 0 });
const signed = new SetContextLink(({ headers }) => ({ headers: { ...headers, ...bearer() } }));
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    signed.concat(new HttpLink({ uri: http, fetch: tellingFetch })),
  ),
  cache: new InMemoryCache(),
});

const { data } = await client.mutate({ mutation: gql(SIGN_IN), variables: { who: { email, password } } });
token = data.signIn.token;
tell({ viewer: (await client.query({ query: gql(VIEWER) })).data.viewer });
await client.query({ query: gql(WRONG) }).catch((error) => tell({ wrong: codes(error.errors) }));

client.subscribe({ query: gql(WRONG_STEPS) }).subscribe(({ error }) => tell({ wrongSteps: codes(error.errors) }));

function follow() {
  client.subscribe({ query: gql(STEPS), variables: { after: cursor }, fetchPolicy: "no-cache" }).subscribe({
    next: ({ data, error }) => {
      if (CombinedGraphQLErrors.is(error)) return tell({ errors: codes(error.errors) });
      if (error) return tell({ dropped: error.message });
      cursor = data.ticketStatusChanged.cursor;
      return tell({ step: data.ticketStatusChanged });
    },
    complete: () => again(follow),
  });
}
follow();
