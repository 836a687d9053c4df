// Reads and writes over node-postgres. Each statement has a name, so it is prepared once per connection.
import { randomUUID } from "node:crypto";
import pg from "pg";
import { groupByTicket, PRIORITIES } from "./schema.mjs";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

export async function rows(name, text, values, client = pool) {
  return (await client.query({ name, text, values })).rows;
}

const COLUMNS = `id, number, subject, description, upper(status) AS status, priority, escalation_level AS "escalationLevel", version,
  created_at AS "createdAt", updated_at AS "updatedAt", team_id AS "teamId", category_id AS "categoryId", requester_id AS "requesterId"`;

function ticket(row) {
  row.priority = PRIORITIES[row.priority];
  return row;
}

export async function ticketByNumber(number) {
  const [row] = await rows("ticket", `SELECT ${COLUMNS} FROM tickets WHERE number = $1`, [number]);
  return row ? ticket(row) : null;
}

export async function newest(count) {
  const text = `SELECT ${COLUMNS} FROM tickets ORDER BY updated_at DESC, id DESC LIMIT $1`;
  return (await rows("newest", text, [count])).map(ticket);
}

export const teams = (keys) => rows("teams", "SELECT id, slug, name FROM teams WHERE id = ANY($1::uuid[])", [keys]);
export const categories = (keys) => rows("categories", "SELECT id, slug FROM categories WHERE id = ANY($1::uuid[])", [keys]);
export const users = (keys) =>
  rows("users", `SELECT id, display_name AS "displayName" FROM users WHERE id = ANY($1::uuid[])`, [keys]);
export const clients = (keys) =>
  rows("clients", `SELECT id, display_name AS "displayName" FROM api_clients WHERE id = ANY($1::uuid[])`, [keys]);

export async function messages(keys, first) {
  const text = `SELECT m.* FROM unnest($1::uuid[]) k CROSS JOIN LATERAL (SELECT id, body, ticket_id AS "ticketId",
    author_user_id AS "authorUserId", author_client_id AS "authorClientId", created_at FROM messages
    WHERE ticket_id = k ORDER BY created_at, id LIMIT $2) m ORDER BY m.created_at, m.id`;
  return groupByTicket(keys, await rows("messages", text, [keys, first]));
}

/** Reads the category, then writes the ticket and its event in one transaction. */
export async function create(input) {
  const [category] = await rows("category", "SELECT id, team_id FROM categories WHERE slug = $1", [input.category]);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const [row] = await rows(
      "insert ticket",
      `INSERT INTO tickets (id, number, external_scope, subject, description, status, priority, category_id, team_id, requester_id,
        escalation_level, status_since, created_at, updated_at, version) VALUES ($1, nextval('ticket_numbers'), '', $2, $3, 'new', 2,
        $4, $5, $6, 0, now(), now(), now(), 1) RETURNING ${COLUMNS}`,
      [randomUUID(), input.subject, input.description, category.id, category.team_id, process.env.REQUESTER],
      client,
    );
    await rows(
      "insert event",
      `INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, data)
        VALUES ('ticket_created', $1, $2, now(), 1, false, $3)`,
      [row.id, process.env.REQUESTER, JSON.stringify({ changes: { subject: [null, input.subject], status: [null, "new"] } })],
      client,
    );
    await client.query("COMMIT");
    return ticket(row);
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
