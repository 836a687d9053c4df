// Mercurius with its JIT and a loader for each relation, over Postgres or SQLite: as its users write it, at their best.
import { page, serve } from "./schema.mjs";

const sqlite = process.env.DATABASE_URL.startsWith("sqlite");
const store = await import(sqlite ? "./store-sqlite.mjs" : "./store-postgres.mjs");

/** A relation to one, read for all tickets or messages at once. */
function one(key, read) {
  return async (queries) => {
    const found = new Map((await read([...new Set(queries.map(({ obj }) => obj[key]))])).map((each) => [each.id, each]));
    return queries.map(({ obj }) => found.get(obj[key]) ?? null);
  };
}

/** Customers and agents, and machines where there are any. */
async function authors(queries) {
  const wanted = (key) => [...new Set(queries.map(({ obj }) => obj[key]).filter(Boolean))];
  const people = wanted("authorUserId");
  const machines = wanted("authorClientId");
  const rows = [...(await store.users(people)), ...(machines.length ? await store.clients(machines) : [])];
  const found = new Map(rows.map((each) => [each.id, each]));
  return queries.map(({ obj }) => found.get(obj.authorUserId ?? obj.authorClientId) ?? null);
}

const resolvers = {
  Query: {
    ticketByNumber: (_root, { number }) => store.ticketByNumber(number),
    tickets: async (_root, { first }) => page(await store.newest(first + 1), first),
  },
  Mutation: { createTicket: async (_root, { input }) => ({ ticket: await store.create(input) }) },
};
const loaders = {
  Ticket: {
    team: one("teamId", store.teams),
    category: one("categoryId", store.categories),
    requester: one("requesterId", store.users),
    messages: (queries) => store.messages(queries.map(({ obj }) => obj.id), queries[0].params.first),
  },
  Message: { author: authors },
};

await serve(resolvers, loaders);
