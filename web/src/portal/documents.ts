// The operations of the portal, and the types of their results. They select only what the API gives
// to customers (docs/api.md, "Who sees which field of a ticket").
import { graphql, type ResultOf } from "../shared/graphql";

export const VIEWER = graphql(`
  query PortalViewer {
    viewer { user { id displayName organization { id name shared } } unreadNotifications }
  }
`);
export const ROW = graphql(`
  fragment PortalRow on Ticket {
    id
    version
    number
    ref
    subject
    status
    viewerHasUnread
    createdAt
    heldUntil
    lastReplyAt
    lastReplyBy { __typename displayName ... on User { id } }
    requester { id displayName }
    clocks { metric ordinal status breachesAt achievedAt }
  }
`);
export const TICKET_CHANGES = graphql(
  `
    subscription PortalTicketChanges($filter: TicketFilter, $after: String) {
      ticketChanges(filter: $filter, after: $after) {
        kind
        cursor
        ticketId
        ticket { ...PortalRow }
      }
    }
  `,
  [ROW],
);
export const FIRST_TICKETS = graphql(
  `
    query PortalFirstTickets($filter: TicketFilter) {
      tickets(filter: $filter, first: 25) { nodes { ...PortalRow } }
    }
  `,
  [ROW],
);

export type Row = ResultOf<typeof ROW>;
export type Clock = Row["clocks"][number];
export type Viewer = NonNullable<NonNullable<ResultOf<typeof VIEWER>["viewer"]>["user"]>;
