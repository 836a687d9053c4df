// The schema, pages and server of both Mercurius peers.
import Fastify from "fastify";
import mercurius from "mercurius";

const typeDefs = /* GraphQL */ `
  scalar DateTime
  enum TicketStatus { NEW OPEN WAITING_ON_CUSTOMER ON_HOLD RESOLVED CLOSED }
  enum TicketPriority { LOW NORMAL HIGH URGENT }
  type User { id: ID! displayName: String! }
  type Team { id: ID! slug: String! name: String! }
  type Category { id: ID! slug: String! }
  type Message { id: ID! body: String! author: User }
  type MessageConnection { nodes: [Message!]! }
  type Ticket {
    id: ID!
    number: Int!
    subject: String!
    description: String!
    status: TicketStatus!
    priority: TicketPriority!
    escalationLevel: Int!
    version: Int!
    createdAt: DateTime!
    updatedAt: DateTime!
    team: Team!
    category: Category!
    requester: User!
    messages(first: Int = 25): MessageConnection!
  }
  type TicketEdge { cursor: String! node: Ticket! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type TicketConnection { edges: [TicketEdge!]! pageInfo: PageInfo! }
  type CreateTicketPayload { ticket: Ticket }
  input CreateTicketInput { subject: String! description: String! category: String! }
  type Query {
    ticketByNumber(number: Int!): Ticket
    tickets(first: Int = 25, after: String): TicketConnection!
  }
  type Mutation { createTicket(input: CreateTicketInput!): CreateTicketPayload! }
`;

export const PRIORITIES = [undefined, "LOW", "NORMAL", "HIGH", "URGENT"];

function cursor(ticket) {
  return Buffer.from(JSON.stringify([ticket.updatedAt, ticket.id])).toString("base64url");
}

/** The position of a row in the order of pages, from a cursor; null without one. */
export function position(after) {
  return after == null ? null : JSON.parse(Buffer.from(after, "base64url"));
}

/** A page of the first `first` rows; an extra row means that there is a next page. */
export function page(rows, first) {
  const edges = rows.slice(0, first).map((node) => ({ cursor: cursor(node), node }));
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor ?? null } };
}

/** A connection of messages for each ticket id. */
export function groupByTicket(ticketIds, rows) {
  const rowsById = new Map(ticketIds.map((id) => [id, []]));
  for (const row of rows) rowsById.get(row.ticketId).push(row);
  return ticketIds.map((id) => ({ nodes: rowsById.get(id) }));
}

/** Mercurius on Fastify with its JIT. */
export async function serve(resolvers, loaders) {
  const app = Fastify({ logger: false });
  app.register(mercurius, { schema: typeDefs, resolvers, loaders, jit: 1 });
  await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
}
