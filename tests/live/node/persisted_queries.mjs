// Apollo Client with its link for automatic persisted queries: node persisted_queries.mjs <http> <ws> <email> <password> <after>
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { SIGN_IN, VIEWER, WRONG, codes } from "./common.mjs";
import { email, http, password, tell } from "./common.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
let token = null;

// fetch, which tells whether the text was sent, and what came
async function telling(url, options) {
  const headers = { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(url, { ...options, headers });
  const sent = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(url).searchParams);
  const { errors = [] } = await answer.clone().json();
  tell({ asked: { method: options.method, text: "query" in sent, status: answer.status, codes: codes(errors) } });
  return answer;
}

async function asks(useGETForHashedQueries) {
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, useGETForHashedQueries }),
    new HttpLink({ uri: http, fetch: telling }),
  ]);
  const client = new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: "no-cache" } } });
  const { data } = await client.mutate({ mutation: gql(SIGN_IN), variables: { who: { email, password } } });
  token = data.signIn.token;
  for (let time = 0; time < 2; time++) tell({ viewer: (await client.query({ query: gql(VIEWER) })).data.viewer });
  await client.query({ query: gql(WRONG) }).catch((error) => tell({ wrong: codes(error.errors) }));
}

await asks(false);
await asks(true);
tell({ done: true });
