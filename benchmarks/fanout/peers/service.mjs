// What the three peers share: the part of the schema that is asked for, the events, and who tells them to publish.
//
// The events stand ready in memory: nothing is read from a database, and nobody's rights are checked, which favours the peers.
// Each line on standard input, "<count> <instant>", publishes so many events at once that were sent at that instant; "collect" drops
// garbage, before memory is looked at.
import { createInterface } from "node:readline";

export const typeDefs = /* GraphQL */ `
  scalar DateTime
  enum TicketStatus { NEW OPEN WAITING_ON_CUSTOMER ON_HOLD RESOLVED CLOSED }
  enum TicketPriority { LOW NORMAL HIGH URGENT }
  interface Actor { displayName: String! }
  type User implements Actor { id: ID! displayName: String! }
  type ApiClient implements Actor { id: ID! displayName: String! }
  type Team { id: ID! slug: String! name: String! }
  type Ticket {
    id: ID!
    number: Int!
    ref: String!
    subject: String!
    status: TicketStatus!
    priority: TicketPriority!
    team: Team!
  }
  type TicketStatusEvent {
    id: ID!
    cursor: String!
    from: TicketStatus
    to: TicketStatus!
    occurredAt: DateTime!
    ticket: Ticket!
    actor: Actor!
  }
  type Query { hello: String }
  type Subscription { ticketStatusChanged(after: String): TicketStatusEvent! }
`;

const team = { id: "tea_1", slug: "support", name: "Support" };
const actor = { __typename: "User", id: "usr_1", displayName: "Alex Kim" };
const tickets = [1, 2, 3, 4].map((place) => ({
  id: `tkt_01a207c7-61c7-7748-8a66-cce54263283${place}`,
  number: 1000 + place,
  ref: `TKT-${1000 + place}`,
  subject: "VPN is down since this morning",
  priority: "HIGH",
  team,
}));

let position = 1000;

function next(occurredAt) {
  position += 1;
  const held = (position >> 2) % 2 === 0;
  const to = held ? "ON_HOLD" : "OPEN";
  return {
    id: `evt_${position}`,
    cursor: Buffer.from(`log:${position}`).toString("base64url"),
    from: held ? "OPEN" : "ON_HOLD",
    to,
    occurredAt,
    ticket: { ...tickets[position % 4], status: to },
    actor,
  };
}

/** Publish what standard input asks for, for as long as it is open. */
export function control(publish) {
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      if (line === "collect") return globalThis.gc?.();
      const [count, instant] = line.split(" ");
      for (let left = Number(count); left > 0; left -= 1) publish(next(instant));
      return undefined;
    })
    .on("close", () => process.exit(0));
}

export const port = Number(process.argv[2]);
