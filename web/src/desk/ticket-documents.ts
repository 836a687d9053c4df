// The queries and subscriptions of a ticket's page, and the types of their results.
import { FILE } from "../shared/files/documents";
import { graphql, type ResultOf } from "../shared/graphql";
import { FOUND, ROW } from "./documents";

const EVENT = graphql(
  `
    fragment TimelineEvent on TicketEvent {
      __typename
      id
      type
      cursor
      occurredAt
      actor { __typename displayName ... on User { id role } ... on ApiClient { id } }
      ... on TicketStatusChanged { from to comment }
      ... on TicketAssigned { toAssignee { id displayName } }
      ... on TicketTransferred { toTeam { id name } }
      ... on TicketEscalated { level reason }
      ... on TicketUpdated { changes { field from to fromItems toItems } }
      ... on TicketReplied { reply { id bodyHtml attachments { ...File } } }
      ... on TicketNoted { note { id bodyHtml attachments { ...File } } }
      ... on TicketAttachmentAdded { attachment { ...File } }
      ... on TicketLinked { kind other { id ref } }
      ... on TicketUnlinked { kind other { id ref } }
      ... on TicketMerged { fromTicket { id ref } into { id ref } }
      ... on TicketUnmerged { fromTicket { id ref } into { id ref } }
      ... on TicketReplyMoved { movedTo { id ref } }
      ... on TicketMessageRedacted { reason }
      ... on TicketRedacted { reason }
      ... on TicketRated { score comment }
      ... on TicketMailFailed { answer }
      ... on TicketDraftProposed { user { id displayName } }
      ... on SlaAtRisk { metric }
      ... on SlaBreached { metric }
      ... on SlaAchieved { metric }
    }
  `,
  [FILE],
);
/** The properties of a ticket that its page shows beside the timeline. Mutations return them, too. */
export const PROPERTIES = graphql(
  `
    fragment TicketProperties on Ticket {
      ...TicketRow
      resolution
      allowedActions
      heldUntil
      closesAt
      escalationLevel
      tags
      viewerIsWatching
      category { id slug name }
      team { id slug name }
      resources { kind externalId name }
      watchers { id displayName }
      organization { id name shared }
      sharedWithOrganization
      customFields {
        field { id key label type options { key label active } }
        text
        number
        boolean
        date
        options { key label }
      }
      links { kind ticket { ...FoundTicket } }
      mergedInto { ...FoundTicket }
      mergedTickets { ...FoundTicket }
    }
  `,
  [ROW, FOUND],
);
export const TICKET = graphql(
  `
    query Ticket($number: Int!) {
      ticketByNumber(number: $number) {
        ...TicketProperties
        descriptionHtml
        textsErasedAt
        attachments { ...File }
        timeline(last: 50) {
          pageInfo { hasPreviousPage startCursor }
          nodes { ...TimelineEvent }
        }
      }
    }
  `,
  [PROPERTIES, EVENT, FILE],
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
export const LEDGERS = graphql(`
  query Ledgers($id: ID!) {
    ticket(id: $id) {
      id
      clocks {
        metric
        ordinal
        status
        startedAt
        atRiskAt
        breachesAt
        pausedAt
        achievedAt
        target
        spent
        policy { id name }
        ledger { start end counted reason }
      }
    }
  }
`);
export const PRESENCE = graphql(`
  subscription Presence($ticketId: ID!) {
    ticketPresence(ticketId: $ticketId) {
      people { state user { id displayName } }
    }
  }
`);

export const FIND_FIELDS = graphql(`
  query FindFields($category: String) {
    customFields(category: $category, first: 100) {
      nodes { id key label type options { key label active } }
    }
  }
`);
export const CUSTOMER = graphql(
  `
    query Customer($id: ID!, $count: Int!, $after: String) {
      node(id: $id) {
        ... on User {
          id
          displayName
          email
          organization { id name }
          tickets(
            first: $count
            after: $after
            orderBy: [{ field: CREATED_AT, direction: DESC }]
          ) {
            totalCount
            pageInfo { hasNextPage endCursor }
            nodes { ...FoundTicket }
          }
        }
      }
    }
  `,
  [FOUND],
);

export type TicketDetails = NonNullable<ResultOf<typeof TICKET>["ticketByNumber"]>;
export type TimelineEvent = ResultOf<typeof EVENT>;
export type CustomFieldValue = TicketDetails["customFields"][number];
export type CustomField = CustomFieldValue["field"];
export type Customer = Extract<ResultOf<typeof CUSTOMER>["node"], { readonly displayName: string }>;
export type Clock = NonNullable<ResultOf<typeof LEDGERS>["ticket"]>["clocks"][number];
