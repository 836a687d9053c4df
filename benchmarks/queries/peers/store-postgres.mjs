// Reads and writes over node-postgres. Each statement has a name, so it is prepared once per connection.
import { randomUUID } from "node:crypto";
import pg from "pg";
import { groupByTicket, PRIORITIES } from "./schema.mjs";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
/** Whether to use the tables of natural_tables.py instead of Ticketwire's. */
const natural = process.env.TABLES === "natural";
const options = natural ? "-c search_path=peers" : undefined;
export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10, options });

export async function rows(name, text, values, client = pool) {
  return (await client.query({ name, text, values })).rows;
}

const KEYS = natural ? "bigint[]" : "uuid[]";
const STATUS = natural ? "status" : "upper(status)";
const COLUMNS = `id, number, subject, description, ${STATUS} AS status, priority, escalation_level AS "escalationLevel", version,
  created_at AS "createdAt", updated_at AS "updatedAt", team_id AS "teamId", category_id AS "categoryId", requester_id AS "requesterId"`;

function ticket(row) {
  if (!natural) row.priority = PRIORITIES[row.priority];
  return row;
}

export async function ticketByNumber(number) {
  const [row] = await rows("ticket", `SELECT ${COLUMNS} FROM tickets WHERE number = $1`, [number]);
  return row ? ticket(row) : null;
}

/** Rows in the order of pages, after a position or from the beginning; `select` ends with the table as `t`. */
export function newestOf(name, select, count, after) {
  const order = "ORDER BY t.updated_at DESC, t.id DESC LIMIT $1";
  if (after === null) return rows(name, `${select} ${order}`, [count]);
  return rows(`${name} after`, `${select} WHERE (t.updated_at, t.id) < ($2, $3) ${order}`, [count, ...after]);
}

export async function newest(count, after) {
  return (await newestOf("newest", `SELECT ${COLUMNS} FROM tickets t`, count, after)).map(ticket);
}

export const teams = (keys) => rows("teams", `SELECT id, slug, name FROM teams WHERE id = ANY($1::${KEYS})`, [keys]);
export const categories = (keys) => rows("categories", `SELECT id, slug FROM categories WHERE id = ANY($1::${KEYS})`, [keys]);
export const users = (keys) =>
  rows("users", `SELECT id, display_name AS "displayName" FROM users WHERE id = ANY($1::${KEYS})`, [keys]);
export const clients = (keys) =>
  rows("clients", `SELECT id, display_name AS "displayName" FROM api_clients WHERE id = ANY($1::${KEYS})`, [keys]);

const AUTHOR = natural
  ? 'author_id AS "authorUserId"'
  : 'author_user_id AS "authorUserId", author_client_id AS "authorClientId"';
const ORDER = natural ? "id" : "created_at, id";

export async function messages(keys, first) {
  const text = `SELECT m.* FROM unnest($1::${KEYS}) k CROSS JOIN LATERAL (SELECT id, body, ticket_id AS "ticketId", ${AUTHOR},
    created_at FROM messages WHERE ticket_id = k ORDER BY ${ORDER} LIMIT $2) m ORDER BY ${natural ? "m.id" : "m.created_at, m.id"}`;
  return groupByTicket(keys, await rows("messages", text, [keys, first]));
}

/** Messages with the names of their authors, in one statement. */
export async function messagesWithAuthors(keys, first) {
  const author = natural ? "u.display_name" : "COALESCE(u.display_name, a.display_name)";
  const join = natural
    ? "LEFT JOIN users u ON u.id = m.author_id"
    : "LEFT JOIN users u ON u.id = m.author_user_id LEFT JOIN api_clients a ON a.id = m.author_client_id";
  const text = `SELECT m.id, m.body, m.ticket_id AS "ticketId", ${author} AS name FROM unnest($1::${KEYS}) k CROSS JOIN LATERAL
    (SELECT * FROM messages WHERE ticket_id = k ORDER BY ${ORDER} LIMIT $2) m ${join}
    ORDER BY ${natural ? "m.id" : "m.created_at, m.id"}`;
  const joined = await rows("joined messages", text, [keys, first]);
  for (const row of joined) row.author = row.name === null ? null : { displayName: row.name };
  return groupByTicket(keys, joined);
}

const RELATIONS = {
  team: { columns: "t.team_id, s.slug AS team_slug, s.name AS team_name", join: "JOIN teams s ON s.id = t.team_id" },
  category: { columns: "t.category_id, c.slug AS category_slug", join: "JOIN categories c ON c.id = t.category_id" },
  requester: { columns: "t.requester_id, u.display_name", join: "JOIN users u ON u.id = t.requester_id" },
};

/** A SELECT of tickets `t` with these to-one relations, and what makes an object of its rows. */
export function joined(relations = Object.keys(RELATIONS)) {
  const status = natural ? "t.status" : "upper(t.status)";
  const columns = `t.id, t.number, t.subject, t.description, ${status} AS status, t.priority, t.escalation_level AS "escalationLevel",
    t.version, t.created_at AS "createdAt", t.updated_at AS "updatedAt"`;
  const chosen = relations.map((name) => RELATIONS[name]);
  const select = [columns, ...chosen.map((each) => each.columns)].join(", ");
  return `SELECT ${select} FROM tickets t ${chosen.map((each) => each.join).join(" ")}`;
}

export function joinedTicket(row) {
  if (!natural) row.priority = PRIORITIES[row.priority];
  if (row.team_id) row.team = { id: row.team_id, slug: row.team_slug, name: row.team_name };
  if (row.category_id) row.category = { id: row.category_id, slug: row.category_slug };
  if (row.requester_id) row.requester = { id: row.requester_id, displayName: row.display_name };
  return row;
}

const INSERT_TICKET = natural
  ? `INSERT INTO tickets (number, subject, description, status, priority, category_id, team_id, requester_id, escalation_level,
      created_at, updated_at, version) VALUES (nextval('ticket_numbers'), $1, $2, 'NEW', 'NORMAL', $3, $4, $5, 0, now(), now(), 1)
      RETURNING ${COLUMNS}`
  : `INSERT INTO tickets (id, number, external_scope, subject, description, status, priority, category_id, team_id, requester_id,
      escalation_level, status_since, created_at, updated_at, version) VALUES ($6, nextval('ticket_numbers'), '', $1, $2, 'new', 2,
      $3, $4, $5, 0, now(), now(), now(), 1) RETURNING ${COLUMNS}`;
const INSERT_EVENT = natural
  ? "INSERT INTO events (type, ticket_id, actor_id, occurred_at, data) VALUES ('ticket_created', $1, $2, now(), $3)"
  : `INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, data)
      VALUES ('ticket_created', $1, $2, now(), 1, false, $3)`;

/** Reads the category, then writes the ticket and its event in one transaction. */
export async function create(input) {
  const [category] = await rows("category", "SELECT id, team_id FROM categories WHERE slug = $1", [input.category]);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const values = [input.subject, input.description, category.id, category.team_id, process.env.REQUESTER];
    if (!natural) values.push(randomUUID());
    const [row] = await rows("insert ticket", INSERT_TICKET, values, client);
    const data = JSON.stringify({ changes: { subject: [null, input.subject], status: [null, "new"] } });
    await rows("insert event", INSERT_EVENT, [row.id, process.env.REQUESTER, data], client);
    await client.query("COMMIT");
    return ticket(row);
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
