// The operations of the list and of its views, and the types of their results.
import { graphql, type ResultOf, type VariablesOf } from "../../shared/graphql";
import { ROW, type TicketRow } from "../documents";

/** The values of custom fields, for lists that have them as columns. */
const FIELD_VALUES = graphql(`
  fragment FieldValues on Ticket {
    customFields { field { id key label type } text number boolean date options { key label } }
  }
`);
export const FIRST_TICKETS = graphql(
  `
    query FirstTickets($filter: TicketFilter, $orderBy: [TicketOrder!], $withFields: Boolean!) {
      tickets(filter: $filter, orderBy: $orderBy, first: 50) {
        nodes { ...TicketRow ...FieldValues @include(if: $withFields) }
      }
    }
  `,
  [ROW, FIELD_VALUES],
);
export const TICKET_IDS = graphql(`
  query TicketIds($filter: TicketFilter, $orderBy: [TicketOrder!], $after: String) {
    tickets(filter: $filter, orderBy: $orderBy, first: 100, after: $after) {
      nodes { id }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
export const TICKET_CHANGES = graphql(
  `
    subscription TicketChanges($filter: TicketFilter, $after: String, $withFields: Boolean!) {
      ticketChanges(filter: $filter, after: $after) {
        kind
        cursor
        ticketId
        ticket { ...TicketRow ...FieldValues @include(if: $withFields) }
      }
    }
  `,
  [ROW, FIELD_VALUES],
);
const VIEW = graphql(`
  fragment View on SavedView {
    id
    version
    name
    audience
    team { id slug name }
    filter
    filterError
    orderBy { field direction customField }
    columns
    customFieldColumns
    position
    viewerCanChange
  }
`);
export const VIEW_COUNTS = graphql(
  `
    subscription ViewCounts {
      savedViewCounts { cursor counts { count view { ...View } } }
    }
  `,
  [VIEW],
);
export const OPEN_COUNT = graphql(`
  subscription OpenCount($filter: TicketFilter) { ticketStats(filter: $filter) { total } }
`);
/** The views without counts, in case that the subscription fails. */
export const VIEWS = graphql(
  `
    query Views { savedViews(first: 100) { nodes { ...View } } }
  `,
  [VIEW],
);

export const CREATE_VIEW = graphql(
  `
    mutation CreateView($input: CreateSavedViewInput!) {
      createSavedView(input: $input) { savedView { ...View } userErrors { code message } }
    }
  `,
  [VIEW],
);
export const UPDATE_VIEW = graphql(
  `
    mutation UpdateView($input: UpdateSavedViewInput!) {
      updateSavedView(input: $input) { savedView { ...View } userErrors { code message } }
    }
  `,
  [VIEW],
);
export const DELETE_VIEW = graphql(`
  mutation DeleteView($input: DeleteSavedViewInput!) {
    deleteSavedView(input: $input) { deletedViewId userErrors { code message } }
  }
`);

export type StoredView = ResultOf<typeof VIEW>;
export type Column = StoredView["columns"][number];
export type ListedTicket = TicketRow & Partial<ResultOf<typeof FIELD_VALUES>>;
export type Order = StoredView["orderBy"][number];
export type TicketFilter = NonNullable<VariablesOf<typeof TICKET_CHANGES>["filter"]>;
export type Audience = StoredView["audience"];
export type NewView = VariablesOf<typeof CREATE_VIEW>["input"];
export type ViewChange = Omit<VariablesOf<typeof UPDATE_VIEW>["input"], "viewId">;
