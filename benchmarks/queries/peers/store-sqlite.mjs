// Synchronous reads and writes over better-sqlite3. Each statement is prepared once; durability is the same as
// Ticketwire's (WAL, synchronous FULL).
import { randomUUID } from "node:crypto";
import Database from "better-sqlite3";
import { groupByTicket, PRIORITIES } from "./schema.mjs";

/** Whether to use the tables of natural_tables.py instead of Ticketwire's. */
const natural = process.env.TABLES === "natural";
const db = new Database(process.env.DATABASE_URL.replace("sqlite:///", ""));
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.pragma("foreign_keys = ON");
db.pragma("busy_timeout = 15000");

const STATUS = natural ? "status" : "upper(status)";
const COLUMNS = `id, number, subject, description, ${STATUS} AS status, priority, escalation_level AS escalationLevel, version,
  created_at AS createdAt, updated_at AS updatedAt, team_id AS teamId, category_id AS categoryId, requester_id AS requesterId`;
const IN = "IN (SELECT value FROM json_each(?))";
const statements = {
  ticket: db.prepare(`SELECT ${COLUMNS} FROM tickets WHERE number = ?`),
  newest: db.prepare(`SELECT ${COLUMNS} FROM tickets ORDER BY updated_at DESC, id DESC LIMIT ?`),
  newestAfter: db.prepare(`SELECT ${COLUMNS} FROM tickets WHERE (updated_at, id) < (?, ?) ORDER BY updated_at DESC, id DESC LIMIT ?`),
  teams: db.prepare(`SELECT id, slug, name FROM teams WHERE id ${IN}`),
  categories: db.prepare(`SELECT id, slug FROM categories WHERE id ${IN}`),
  users: db.prepare(`SELECT id, display_name AS displayName FROM users WHERE id ${IN}`),
  clients: natural ? null : db.prepare(`SELECT id, display_name AS displayName FROM api_clients WHERE id ${IN}`),
  messages: db.prepare(
    natural
      ? "SELECT id, body, ticket_id AS ticketId, author_id AS authorUserId FROM messages WHERE ticket_id = ? ORDER BY id LIMIT ?"
      : `SELECT id, body, ticket_id AS ticketId, author_user_id AS authorUserId, author_client_id AS authorClientId
          FROM messages WHERE ticket_id = ? ORDER BY created_at, id LIMIT ?`,
  ),
  category: db.prepare("SELECT id, team_id FROM categories WHERE slug = ?"),
  insertTicket: db.prepare(
    natural
      ? `INSERT INTO tickets (number, subject, description, status, priority, category_id, team_id, requester_id, escalation_level,
          created_at, updated_at, version) VALUES ((SELECT MAX(number) + 1 FROM tickets), ?, ?, 'NEW', 'NORMAL', ?, ?, ?, 0, ?, ?, 1)
          RETURNING ${COLUMNS}`
      : `INSERT INTO tickets (number, subject, description, status, priority, category_id, team_id, requester_id, escalation_level,
          created_at, updated_at, version, status_since, id, external_scope) VALUES ((SELECT MAX(number) + 1 FROM tickets), ?, ?, 'new',
          2, ?, ?, ?, 0, ?, ?, 1, ?, ?, '') RETURNING ${COLUMNS}`,
  ),
  insertEvent: db.prepare(
    natural
      ? "INSERT INTO events (type, ticket_id, actor_id, occurred_at, data) VALUES ('ticket_created', ?, ?, ?, ?)"
      : `INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, data)
          VALUES ('ticket_created', ?, ?, ?, 1, 0, ?)`,
  ),
};

function ticket(row) {
  if (!natural) row.priority = PRIORITIES[row.priority];
  row.createdAt = row.createdAt.replace(" ", "T");
  row.updatedAt = row.updatedAt.replace(" ", "T");
  return row;
}

export function ticketByNumber(number) {
  const row = statements.ticket.get(number);
  return row ? ticket(row) : null;
}

/** Rows in the order of pages, after a position or from the beginning. */
export function newest(count, after) {
  if (after === null) return statements.newest.all(count).map(ticket);
  const [updatedAt, id] = after;
  return statements.newestAfter.all(updatedAt.replace("T", " "), id, count).map(ticket);
}
export const teams = (keys) => statements.teams.all(JSON.stringify(keys));
export const categories = (keys) => statements.categories.all(JSON.stringify(keys));
export const users = (keys) => statements.users.all(JSON.stringify(keys));
export const clients = (keys) => statements.clients.all(JSON.stringify(keys));

/** One statement per ticket: better-sqlite3 recommends it, because there are no round trips. */
export async function messages(keys, first) {
  return groupByTicket(keys, keys.flatMap((key) => statements.messages.all(key, first)));
}

const insert = db.transaction((input) => {
  const category = statements.category.get(input.category);
  const at = new Date().toISOString().replace("T", " ").replace("Z", "+00:00");
  const { subject, description } = input;
  const owner = process.env.REQUESTER;
  const own = natural ? [] : [at, randomUUID()];
  const row = statements.insertTicket.get(subject, description, category.id, category.team_id, owner, at, at, ...own);
  const data = JSON.stringify({ changes: { subject: [null, subject], status: [null, "new"] } });
  statements.insertEvent.run(row.id, owner, at, data);
  return ticket(row);
});

export const create = (input) => insert.immediate(input);
