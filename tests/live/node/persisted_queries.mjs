// Apollo Client with its link for automatic persisted queries: node persisted_queries.mjs <http>
// <ws> <email> <password> <after>
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { SIGN_IN, VIEWER, INVALID_QUERY, codes } from "./common.mjs";
import { email, http, password, report } from "./common.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
let token = null;

// fetch that also reports whether the text was sent, and the response
async function reportingFetch(url, options) {
  const headers = { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(url, { ...options, headers });
  const sent = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(url).searchParams);
  const { errors = [] } = await response.clone().json();
  const { method } = options;
  report({ request: { method, text: "query" in sent, status: response.status, codes: codes(errors) } });
  return response;
}

async function runQueries(useGETForHashedQueries) {
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, useGETForHashedQueries }),
    new HttpLink({ uri: http, fetch: reportingFetch }),
  ]);
  const defaultOptions = { query: { fetchPolicy: "no-cache" } };
  const client = new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions });
  const variables = { input: { email, password } };
  const { data } = await client.mutate({ mutation: gql(SIGN_IN), variables });
  token = data.signIn.token;
  for (let time = 0; time < 2; time++) {
    report({ viewer: (await client.query({ query: gql(VIEWER) })).data.viewer });
  }
  await client
    .query({ query: gql(INVALID_QUERY) })
    .catch((error) => report({ invalidQuery: codes(error.errors) }));
}

await runQueries(false);
await runQueries(true);
report({ done: true });
