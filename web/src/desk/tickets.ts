// The queries of the desk, and the types of their results.
import { execute } from "../shared/api";

export interface Ticket {
  id: string;
  ref: string;
  number: number;
  subject: string;
  status: string;
  priority: string;
  requester: { displayName: string };
  assignee: { displayName: string } | null;
}

export interface TicketDetails extends Ticket {
  description: string;
}

export interface Desk {
  name: string;
  total: number;
  tickets: Ticket[];
}

const FIELDS = "id ref number subject status priority requester { displayName } assignee { displayName }";
const LIST = `query OpenTickets {
  viewer { user { displayName } }
  tickets(filter: { status: { nin: [RESOLVED, CLOSED] } }, orderBy: [{ field: SLA_BREACHES_AT, direction: ASC }], first: 50) {
    totalCount
    nodes { ${FIELDS} }
  }
}`;
const TICKET = `query Ticket($number: Int!) {
  ticketByNumber(number: $number) { ${FIELDS} description }
}`;

/** The open tickets, those with the next SLA target first; null if nobody is signed in. */
export async function loadDesk(): Promise<Desk | null> {
  const data = await execute<{
    viewer: { user: { displayName: string } | null } | null;
    tickets: { totalCount: number; nodes: Ticket[] } | null;
  }>(LIST);
  if (!data.viewer || !data.tickets) return null;
  return {
    name: data.viewer.user?.displayName ?? "",
    total: data.tickets.totalCount,
    tickets: data.tickets.nodes,
  };
}

/** A ticket by the number in a path such as /tickets/TKT-1042; null if there is none. */
export async function loadTicket(number: number): Promise<TicketDetails | null> {
  const data = await execute<{ ticketByNumber: TicketDetails | null }>(TICKET, { number });
  return data.ticketByNumber;
}

/** The ticket number in a path; null if the path names no ticket. */
export function ticketNumber(path: string): number | null {
  const match = /^\/tickets\/(?:[a-z]+-)?(\d{1,9})$/i.exec(path);
  return match === null ? null : Number(match[1]);
}
