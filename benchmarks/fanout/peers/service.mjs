// The parts that the three peers share: the schema, the events, and the commands on standard input.
//
// The events are in memory: nothing is read from a database, no permissions are checked, and a filter,
// which every event matches, is not evaluated. That favours the peers. Each line "<count> <instant>" on
// standard input publishes so many events at once, which occurred at that instant. "collect" collects
// garbage before memory is measured.
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
  input IntFilter { lt: Int }
  input TicketFilter { escalationLevel: IntFilter }
  type Query { hello: String }
  type Subscription { ticketStatusChanged(after: String, filter: TicketFilter): TicketStatusEvent! }
`;

const team = { id: "tea_1", slug: "support", name: "Support" };
const actor = { __typename: "User", id: "usr_1", displayName: "Alex Kim" };
const tickets = [1, 2, 3, 4].map((number) => ({
  id: `tkt_01a207c7-61c7-7748-8a66-cce54263283${number}`,
  number: 1000 + number,
  ref: `TKT-${1000 + number}`,
  subject: "VPN is down since this morning",
  priority: "HIGH",
  team,
}));

let position = 1000;

function createEvent(occurredAt) {
  position += 1;
  const held = (position >> 2) % 2 === 0;
  const to = held ? "ON_HOLD" : "OPEN";
  return {
    id: `evt_${position}`,
    cursor: position.toString(16).padStart(16, "0"),
    from: held ? "OPEN" : "ON_HOLD",
    to,
    occurredAt,
    ticket: { ...tickets[position % 4], status: to },
    actor,
  };
}

/** Follow the commands on standard input until it is closed. */
export function control(publish) {
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      if (line === "collect") return globalThis.gc?.();
      const [count, instant] = line.split(" ");
      for (let left = Number(count); left > 0; left -= 1) publish(createEvent(instant));
      return undefined;
    })
    .on("close", () => process.exit(0));
}

export const port = Number(process.argv[2]);
