// The operations of the desk, and the types of their results.
import { graphql, type ResultOf } from "../shared/graphql";

export const VIEWER = graphql(`
  query Viewer {
    viewer { user { id displayName role } unreadNotifications }
  }
`);
export const ROW = graphql(`
  fragment TicketRow on Ticket {
    id
    version
    number
    ref
    subject
    status
    priority
    viewerHasUnread
    createdAt
    updatedAt
    lastReplyAt
    requester { id displayName }
    organization { id name }
    assignee { id displayName }
    category { id name }
    team { id name }
    tags
    stage
    escalationLevel
    resolvedAt
    closedAt
    heldUntil
    satisfaction { score }
    clocks { metric status atRiskAt breachesAt pausedAt }
  }
`);
export const FOUND = graphql(`
  fragment FoundTicket on Ticket { id version number ref subject status }
`);
export const SEARCH = graphql(
  `
    query Search($filter: TicketFilter!) {
      tickets(filter: $filter, first: 8) { nodes { ...FoundTicket } }
    }
  `,
  [FOUND],
);
export const TICKET_BY_NUMBER = graphql(
  `
    query TicketByNumber($number: Int!) {
      ticketByNumber(number: $number) { ...FoundTicket }
    }
  `,
  [FOUND],
);
export const REPLY = graphql(
  `
    mutation Reply($input: ReplyToTicketInput!) {
      replyToTicket(input: $input) {
        cursor
        userErrors { code message }
        ticket { ...TicketRow allowedActions }
      }
    }
  `,
  [ROW],
);
export const NOTE = graphql(
  `
    mutation Note($input: AddNoteInput!) {
      addNote(input: $input) {
        cursor
        userErrors { code message }
        ticket { ...TicketRow allowedActions }
      }
    }
  `,
  [ROW],
);

export type TicketRow = ResultOf<typeof ROW>;
export type FoundTicket = ResultOf<typeof FOUND>;
export type TicketStatus = TicketRow["status"];
export type SlaClock = TicketRow["clocks"][number];
export type Person = { readonly id: string; readonly displayName: string };
export type Viewer = NonNullable<NonNullable<ResultOf<typeof VIEWER>["viewer"]>["user"]>;
