// Mercurius with its JIT and a loader for each relation, over Postgres or SQLite, as its documentation recommends.
import { page, position, serve } from "./schema.mjs";

const sqlite = process.env.DATABASE_URL.startsWith("sqlite");
const store = await import(sqlite ? "./store-sqlite.mjs" : "./store-postgres.mjs");

/** A loader of a to-one relation, for all tickets or messages at once. */
function toOne(key, read) {
  return async (queries) => {
    const ids = [...new Set(queries.map(({ obj }) => obj[key]))];
    const rowsById = new Map((await read(ids)).map((row) => [row.id, row]));
    return queries.map(({ obj }) => rowsById.get(obj[key]) ?? null);
  };
}

/** The users and API clients that wrote messages. */
async function authors(queries) {
  const distinct = (key) => [...new Set(queries.map(({ obj }) => obj[key]).filter(Boolean))];
  const userIds = distinct("authorUserId");
  const clientIds = distinct("authorClientId");
  const rows = [...(await store.users(userIds)), ...(clientIds.length ? await store.clients(clientIds) : [])];
  const rowsById = new Map(rows.map((row) => [row.id, row]));
  return queries.map(({ obj }) => rowsById.get(obj.authorUserId ?? obj.authorClientId) ?? null);
}

const resolvers = {
  Query: {
    ticketByNumber: (_root, { number }) => store.ticketByNumber(number),
    tickets: async (_root, { first, after }) => page(await store.newest(first + 1, position(after)), first),
  },
  Mutation: { createTicket: async (_root, { input }) => ({ ticket: await store.create(input) }) },
};
const loaders = {
  Ticket: {
    team: toOne("teamId", store.teams),
    category: toOne("categoryId", store.categories),
    requester: toOne("requesterId", store.users),
    messages: (queries) => store.messages(queries.map(({ obj }) => obj.id), queries[0].params.first),
  },
  Message: { author: authors },
};

await serve(resolvers, loaders);
