// Each contender is a cache that takes requests, responses and items, and shows tickets.
import { InMemoryCache, gql as apolloGql } from "@apollo/client";
import { Client, createRequest } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { filter, makeSubject, map, merge, pipe, share, subscribe, tap } from "wonka";
import { prepare, gql } from "../../clients/typescript/build/src/document.js";
import { payloadOf } from "../../clients/typescript/build/src/mutation.js";
import { normalize } from "../../clients/typescript/build/src/normalize.js";
import { Store } from "../../clients/typescript/build/src/store.js";

const FIELDS = "id version status subject clock";
const TICKET = `query($id: ID!) { ticket(id: $id) { ${FIELDS} } }`;

/** Adds the type names that Apollo and graphcache need. */
function withTypes(value) {
  if (Array.isArray(value)) return value.map(withTypes);
  if (value === null || typeof value !== "object") return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withTypes(each)]),
  );
  if (typeof copy.id === "string" && copy.id.startsWith("tkt_")) copy.__typename = "Ticket";
  else copy.__typename = "Other";
  return copy;
}

/** This package's store. */
export class Ticketwire {
  store = new Store(() => 0);
  sent = new Map();
  changes = new Map();

  request({ id, request }, patch) {
    this.sent.set(id, this.store.nextStep());
    if (patch)
      this.changes.set(id, this.store.change({ [patch.ticketId]: { status: patch.status } }));
  }

  response({ id, request, data, cursor }) {
    const { selections } = prepare(gql(request.query));
    const payload = payloadOf(data);
    const isMutation = request.query.startsWith("mutation");
    const freshness = {
      cursor: (isMutation ? payload.cursor : cursor) ?? undefined,
      sentAt: this.sent.get(id),
    };
    this.store.write(normalize(selections, request.variables, data), freshness, !isMutation);
    const change = this.changes.get(id);
    if (!change) return;
    if (payload.userErrors?.length) this.store.rollBack(change);
    else this.store.confirm(change, payload.cursor);
  }

  failure({ id }) {
    if (this.changes.has(id)) this.store.rollBack(this.changes.get(id));
  }

  item({ request, data }) {
    const { selections } = prepare(gql(request.query));
    this.store.write(normalize(selections, request.variables, data), {
      cursor: payloadOf(data).cursor,
    });
  }

  ticket(id) {
    const read = (key) => this.store.readField(id, key);
    if (read("version") === undefined) return undefined;
    return {
      version: read("version"),
      status: read("status"),
      subject: read("subject"),
      clock: read("clock"),
    };
  }
}

/** Apollo's cache, written as Apollo Client writes responses, items and optimistic responses. */
export class Apollo {
  cache = new InMemoryCache();
  documents = new Map();

  document(text) {
    if (!this.documents.has(text))
      this.documents.set(text, this.cache.transformDocument(apolloGql(text)));
    return this.documents.get(text);
  }

  request({ id, request }, patch) {
    if (!patch) return;
    this.cache.recordOptimisticTransaction((cache) => {
      cache.modify({ id: `Ticket:${patch.ticketId}`, fields: { status: () => patch.status } });
    }, `request ${id}`);
  }

  write(text, dataId, data, variables) {
    this.cache.write({ query: this.document(text), dataId, result: withTypes(data), variables });
  }

  response({ id, request, data }) {
    const isMutation = request.query.startsWith("mutation");
    this.write(request.query, isMutation ? "ROOT_MUTATION" : "ROOT_QUERY", data, request.variables);
    this.cache.removeOptimistic(`request ${id}`);
  }

  failure({ id }) {
    this.cache.removeOptimistic(`request ${id}`);
  }

  item({ request, data }) {
    this.write(request.query, "ROOT_SUBSCRIPTION", data, request.variables);
  }

  ticket(id) {
    const fragment = this.document(`fragment Shown on Ticket { version status subject clock }`);
    return this.cache.readFragment({ id: `Ticket:${id}`, fragment, optimistic: true }) ?? undefined;
  }
}

/** urql's graphcache as an exchange of a client whose network is the recording. */
export class Graphcache {
  operations = new Map();
  results = makeSubject();
  nextKey = 0;

  constructor() {
    const network = () => (operations) =>
      merge([
        this.results.source,
        pipe(
          operations,
          tap((operation) => this.operations.set(operation.context.recording, operation)),
          filter(() => false),
        ),
      ]);
    const cache = cacheExchange({
      keys: { Other: () => null },
      resolvers: { Query: { ticket: (_, { id }) => ({ __typename: "Ticket", id }) } },
      optimistic: {
        change: ({ input }) => ({
          __typename: "Other",
          ticket: this.expected(input),
          cursor: null,
          replayed: false,
          userErrors: [],
        }),
      },
    });
    this.client = new Client({
      url: "http://127.0.0.1",
      exchanges: [cache, network],
      preferGetMethod: false,
    });
  }

  expected({ ticketId, status }) {
    const shown = this.ticket(ticketId);
    return shown && status ? { __typename: "Ticket", id: ticketId, ...shown, status } : null;
  }

  start(kind, key, text, variables) {
    // A key of its own for each request, because urql would otherwise join equal ones.
    const request = { ...createRequest(text, variables), key: 1_000_000 + this.nextKey++ };
    const operation = this.client.createRequestOperation(kind, request, {
      recording: key,
      requestPolicy: "network-only",
    });
    pipe(
      this.client.executeRequestOperation(operation),
      subscribe(() => {}),
    );
  }

  request({ id, request }) {
    this.start(
      request.query.startsWith("mutation") ? "mutation" : "query",
      id,
      request.query,
      request.variables,
    );
  }

  answer(key, result) {
    const operation = this.operations.get(key);
    if (operation)
      this.results.next({
        operation,
        stale: false,
        hasNext: false,
        extensions: undefined,
        ...result,
      });
  }

  response({ id, data }) {
    this.answer(id, { data: withTypes(data), error: undefined });
  }

  failure({ id }) {
    this.answer(id, { data: undefined, error: new Error("network") });
  }

  item({ request, data }) {
    const key = request.query;
    if (!this.operations.has(key)) this.start("subscription", key, request.query, {});
    this.answer(key, { data: withTypes(data), error: undefined, hasNext: true });
  }

  ticket(id) {
    const result = this.client.readQuery(TICKET, { id });
    return result?.data?.ticket ?? undefined;
  }
}
