// The operations of a ticket's page, and the types of their results.
import { FILE } from "../../shared/files/documents";
import { graphql, type ResultOf } from "../../shared/graphql";
import { ROW } from "../documents";

const EVENT = graphql(
  `
    fragment PortalEvent on TicketEvent {
      __typename
      id
      cursor
      occurredAt
      actor { __typename displayName ... on User { id } }
      ... on TicketStatusChanged { action from to comment }
      ... on TicketAssigned { toAssignee { id displayName } }
      ... on TicketReplied { reply { id bodyHtml attachments { ...File } } }
      ... on TicketAttachmentAdded { attachment { ...File } }
      ... on TicketMerged { fromTicket { id ref } into { id ref } }
      ... on TicketUnmerged { fromTicket { id ref } into { id ref } }
      ... on TicketRated { score comment }
    }
  `,
  [FILE],
);
/** What the page shows of a ticket besides its timeline. Mutations return it, too. */
const DETAILS = graphql(
  `
    fragment PortalDetails on Ticket {
      ...PortalRow
      priority
      closeReason
      closesAt
      reopenableUntil
      allowedActions
      viewerIsWatching
      category { id name }
      assignee { id displayName }
      organization { id name shared }
      sharedWithOrganization
      watchers { id displayName }
      participants { id displayName }
      resources { kind externalId name }
      customFields {
        field { id key label type }
        text
        number
        boolean
        date
        options { key label }
      }
      satisfaction { score comment }
      mergedInto { id ref }
    }
  `,
  [ROW],
);
export const TICKET = graphql(
  `
    query PortalTicket($number: Int!) {
      ticketByNumber(number: $number) {
        ...PortalDetails
        descriptionHtml
        textsErasedAt
        attachments { ...File }
        timeline(
          last: 50
          types: [
            TICKET_CREATED, STATUS_CHANGED, ASSIGNED, REPLY_ADDED, ATTACHMENT_ADDED, MERGED, UNMERGED, RATED
          ]
        ) {
          pageInfo { hasPreviousPage startCursor }
          nodes { ...PortalEvent }
        }
      }
    }
  `,
  [DETAILS, EVENT, FILE],
);
export const EARLIER_EVENTS = graphql(
  `
    query PortalEarlierEvents($id: ID!, $before: String!) {
      ticket(id: $id) {
        id
        timeline(
          last: 50
          before: $before
          types: [
            TICKET_CREATED, STATUS_CHANGED, ASSIGNED, REPLY_ADDED, ATTACHMENT_ADDED, MERGED, UNMERGED, RATED
          ]
        ) {
          pageInfo { hasPreviousPage startCursor }
          nodes { ...PortalEvent }
        }
      }
    }
  `,
  [EVENT],
);
export const REPLY = graphql(
  `
    mutation PortalReply($input: ReplyToTicketInput!) {
      replyToTicket(input: $input) {
        cursor
        userErrors { code message }
        ticket { ...PortalDetails }
      }
    }
  `,
  [DETAILS],
);
const CHANGED = graphql(
  `
    fragment PortalChanged on TicketPayload {
      cursor
      userErrors { code message }
      ticket { ...PortalDetails }
    }
  `,
  [DETAILS],
);
export const CLOSE = graphql(
  `
    mutation PortalClose($input: CloseTicketInput!) {
      result: closeTicket(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const REOPEN = graphql(
  `
    mutation PortalReopen($input: ReopenTicketInput!) {
      result: reopenTicket(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const RATE = graphql(
  `
    mutation PortalRate($input: RateTicketInput!) {
      result: rateTicket(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const UPDATE = graphql(
  `
    mutation PortalUpdate($input: UpdateTicketInput!) {
      result: updateTicket(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const WATCH = graphql(
  `
    mutation PortalWatch($input: TicketActionInput!) {
      result: watchTicket(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const UNWATCH = graphql(
  `
    mutation PortalUnwatch($input: TicketActionInput!) {
      result: unwatchTicket(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const ADD_WATCHER = graphql(
  `
    mutation PortalAddWatcher($input: AddWatcherInput!) {
      result: addWatcher(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const REMOVE_WATCHER = graphql(
  `
    mutation PortalRemoveWatcher($input: RemoveWatcherInput!) {
      result: removeWatcher(input: $input) { ...PortalChanged }
    }
  `,
  [CHANGED],
);
export const MARK_READ = graphql(`
  mutation PortalMarkRead($input: MarkTicketReadInput!) {
    markTicketRead(input: $input) { ticket { id version viewerHasUnread } userErrors { code message } }
  }
`);
/** The people of the viewer's organization whom the viewer knows: those of its tickets. */
export const COLLEAGUES = graphql(`
  query Colleagues($organizationId: ID!) {
    tickets(filter: { organizationId: { eq: $organizationId } }, first: 100) {
      nodes {
        id
        version
        requester { id displayName active }
        watchers { id displayName active }
      }
    }
  }
`);

export type Details = NonNullable<ResultOf<typeof TICKET>["ticketByNumber"]>;
export type PortalEvent = ResultOf<typeof EVENT>;
export type Payload = ResultOf<typeof CHANGED>;
