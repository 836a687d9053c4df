// The operations of the desk, and the types of their results.
import { graphql, type ResultOf, type VariablesOf } from "../shared/graphql";

export const VIEWER = graphql(`
  query Viewer {
    viewer { user { id displayName } }
  }
`);
const ROW = graphql(`
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
    clocks { metric status atRiskAt breachesAt pausedAt }
  }
`);
const EVENT = graphql(`
  fragment TimelineEvent on TicketEvent {
    __typename
    id
    type
    cursor
    occurredAt
    actor { __typename displayName ... on User { id role } }
    ... on TicketStatusChanged { from to comment }
    ... on TicketAssigned { toAssignee { id displayName } }
    ... on TicketUpdated { changes { field from to fromItems toItems } }
    ... on TicketReplied { reply { id bodyHtml attachments { id filename size url } } }
    ... on TicketNoted { note { id bodyHtml attachments { id filename size url } } }
    ... on SlaAtRisk { metric }
    ... on SlaBreached { metric }
    ... on SlaAchieved { metric }
  }
`);

export const FIRST_TICKETS = graphql(
  `
    query FirstTickets($filter: TicketFilter, $orderBy: [TicketOrder!]) {
      tickets(filter: $filter, orderBy: $orderBy, first: 50) { nodes { ...TicketRow } }
    }
  `,
  [ROW],
);
const FOUND = graphql(`
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
export const TICKET_CHANGES = graphql(
  `
    subscription TicketChanges($filter: TicketFilter, $after: String) {
      ticketChanges(filter: $filter, after: $after) {
        kind
        cursor
        ticketId
        ticket { ...TicketRow }
      }
    }
  `,
  [ROW],
);
export const VIEW_COUNTS = graphql(`
  subscription ViewCounts {
    savedViewCounts {
      cursor
      counts {
        count
        filterError
        view { id version name audience filter orderBy { field direction } }
      }
    }
  }
`);
export const TICKET = graphql(
  `
    query Ticket($number: Int!) {
      ticketByNumber(number: $number) {
        ...TicketRow
        descriptionHtml
        resolution
        allowedActions
        category { id name }
        team { id name }
        timeline(last: 50) {
          pageInfo { hasPreviousPage startCursor }
          nodes { ...TimelineEvent }
        }
      }
    }
  `,
  [ROW, EVENT],
);
export const EARLIER_EVENTS = graphql(
  `
    query EarlierEvents($id: ID!, $before: String!) {
      ticket(id: $id) {
        id
        timeline(last: 50, before: $before) {
          pageInfo { hasPreviousPage startCursor }
          nodes { ...TimelineEvent }
        }
      }
    }
  `,
  [EVENT],
);
export const TICKET_EVENTS = graphql(`
  subscription TicketEvents($ticketId: ID!, $after: String) {
    ticketEvents(ticketId: $ticketId, after: $after) { id cursor }
  }
`);

export const ASSIGN = graphql(
  `
    mutation Assign($input: AssignTicketInput!) {
      assignTicket(input: $input) {
        cursor
        userErrors { code message }
        ticket { ...TicketRow allowedActions }
      }
    }
  `,
  [ROW],
);
export const RESOLVE = graphql(
  `
    mutation Resolve($input: ResolveTicketInput!) {
      resolveTicket(input: $input) {
        cursor
        userErrors { code message }
        ticket { ...TicketRow resolution allowedActions }
      }
    }
  `,
  [ROW],
);
export const MARK_READ = graphql(`
  mutation MarkRead($input: MarkTicketReadInput!) {
    markTicketRead(input: $input) {
      userErrors { code message }
      ticket { id version viewerHasUnread }
    }
  }
`);
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
export type TicketDetails = NonNullable<ResultOf<typeof TICKET>["ticketByNumber"]>;
export type TimelineEvent = ResultOf<typeof EVENT>;
export type TicketFilter = VariablesOf<typeof TICKET_CHANGES>["filter"];
export type ViewCount = ResultOf<typeof VIEW_COUNTS>["savedViewCounts"]["counts"][number];
export type Person = { readonly id: string; readonly displayName: string };
