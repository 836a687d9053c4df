// Mercurius tuned by hand: prepared statements join tickets with their to-one relations, and messages with their authors.
// Instants stay strings. Only messages have a loader.
import pg from "pg";
import { groupByTicket, page, PRIORITIES, serve } from "./schema.mjs";
import { create, rows } from "./store-postgres.mjs";

pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11, -3)}Z`);

const JOINED = `SELECT t.id, t.number, t.subject, t.description, upper(t.status) AS status, t.priority,
  t.escalation_level AS "escalationLevel", t.version, t.created_at AS "createdAt", t.updated_at AS "updatedAt", t.team_id, s.slug AS team_slug,
  s.name AS team_name, t.category_id, c.slug AS category_slug, t.requester_id, u.display_name FROM tickets t JOIN teams s
  ON s.id = t.team_id JOIN categories c ON c.id = t.category_id JOIN users u ON u.id = t.requester_id`;

function ticket(row) {
  row.priority = PRIORITIES[row.priority];
  row.team = { id: row.team_id, slug: row.team_slug, name: row.team_name };
  row.category = { id: row.category_id, slug: row.category_slug };
  row.requester = { id: row.requester_id, displayName: row.display_name };
  return row;
}

async function byNumber(number) {
  const [row] = await rows("joined ticket", `${JOINED} WHERE t.number = $1`, [number]);
  return row ? ticket(row) : null;
}

async function newest(count) {
  return (await rows("joined page", `${JOINED} ORDER BY t.updated_at DESC, t.id DESC LIMIT $1`, [count])).map(ticket);
}

async function messages(queries) {
  const keys = queries.map(({ obj }) => obj.id);
  const text = `SELECT m.id, m.body, m.ticket_id AS "ticketId", COALESCE(u.display_name, a.display_name) AS name
    FROM unnest($1::uuid[]) k CROSS JOIN LATERAL (SELECT * FROM messages WHERE ticket_id = k ORDER BY created_at, id LIMIT $2) m
    LEFT JOIN users u ON u.id = m.author_user_id LEFT JOIN api_clients a ON a.id = m.author_client_id ORDER BY m.created_at, m.id`;
  const joined = await rows("joined messages", text, [keys, queries[0].params.first]);
  for (const row of joined) row.author = row.name === null ? null : { displayName: row.name };
  return groupByTicket(keys, joined);
}

const resolvers = {
  Query: {
    ticketByNumber: (_root, { number }) => byNumber(number),
    tickets: async (_root, { first }) => page(await newest(first + 1), first),
  },
  Mutation: {
    createTicket: async (_root, { input }) => ({ ticket: await byNumber((await create(input)).number) }),
  },
};

await serve(resolvers, { Ticket: { messages: { loader: messages, opts: { cache: false } } } });
