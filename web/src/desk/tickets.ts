// The queries of the desk, and the types of their results.
import { execute, graphql, readFragment, type ResultOf } from "../shared/graphql";

const ROW = graphql(`
  fragment TicketRow on Ticket {
    id
    ref
    subject
    status
    requester { displayName }
    assignee { displayName }
  }
`);
const OPEN_TICKETS = graphql(
  `
    query OpenTickets {
      viewer { user { displayName } }
      tickets(
        filter: { status: { nin: [RESOLVED, CLOSED] } }
        orderBy: [{ field: SLA_BREACHES_AT, direction: ASC }]
        first: 50
      ) {
        totalCount
        nodes { ...TicketRow }
      }
    }
  `,
  [ROW],
);
const TICKET = graphql(
  `
    query Ticket($number: Int!) {
      ticketByNumber(number: $number) {
        ...TicketRow
        description
      }
    }
  `,
  [ROW],
);

export type TicketRow = ResultOf<typeof ROW>;
export type TicketStatus = TicketRow["status"];

export interface TicketDetails extends TicketRow {
  description: string;
}

export interface Desk {
  name: string;
  total: number;
  tickets: readonly TicketRow[];
}

/** The open tickets, those with the next SLA target first; null if nobody is signed in. */
export async function loadDesk(): Promise<Desk | null> {
  const { viewer, tickets } = await execute(OPEN_TICKETS, {});
  if (viewer === null) return null;
  return {
    name: viewer.user?.displayName ?? "",
    total: tickets.totalCount,
    tickets: readFragment(ROW, tickets.nodes),
  };
}

/** A ticket by the number in a path such as /tickets/TKT-1042; null if there is none. */
export async function loadTicket(number: number): Promise<TicketDetails | null> {
  const { ticketByNumber: found } = await execute(TICKET, { number });
  return found === null ? null : { ...readFragment(ROW, found), description: found.description };
}

/** The ticket number in a path; null if the path names no ticket. */
export function ticketNumber(path: string): number | null {
  const match = /^\/tickets\/(?:[a-z]+-)?(\d{1,9})$/i.exec(path);
  return match === null ? null : Number(match[1]);
}
