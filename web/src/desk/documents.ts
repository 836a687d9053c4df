// The operations of the desk, and the types of their results.
import { graphql, type ResultOf } from "../shared/graphql";

export const VIEWER = graphql(`
  query Viewer {
    viewer { user { id displayName } }
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
const EVENT = graphql(`
  fragment TimelineEvent on TicketEvent {
    __typename
    id
    type
    cursor
    occurredAt
    actor { __typename displayName ... on User { role } }
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
export const TICKET = graphql(
  `
    query Ticket($number: Int!) {
      ticketByNumber(number: $number) {
        ...TicketRow
        descriptionHtml
        resolution
        allowedActions
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
export type Person = { readonly id: string; readonly displayName: string };
