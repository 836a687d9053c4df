// The mutations of a ticket. Each has its payload as `result`: one function can run them all.
import { graphql, type ResultOf } from "../../shared/graphql";
import { PROPERTIES } from "../ticket-documents";

const CHANGED = graphql(
  `
    fragment Changed on TicketPayload {
      cursor
      userErrors { code message }
      ticket { ...TicketProperties }
    }
  `,
  [PROPERTIES],
);

/** What a change is compared with if the ticket has another version by now. */
export const CURRENT = graphql(
  `
    query CurrentProperties($id: ID!) { ticket(id: $id) { ...TicketProperties } }
  `,
  [PROPERTIES],
);

export const ASSIGN = graphql(
  `
    mutation Assign($input: AssignTicketInput!) {
      result: assignTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const TRANSFER = graphql(
  `
    mutation Transfer($input: TransferTicketInput!) {
      result: transferTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const UPDATE = graphql(
  `
    mutation Update($input: UpdateTicketInput!) {
      result: updateTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const START = graphql(
  `
    mutation Start($input: TicketActionInput!) {
      result: startTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const AWAIT_CUSTOMER = graphql(
  `
    mutation AwaitCustomer($input: TicketActionInput!) {
      result: awaitCustomer(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const HOLD = graphql(
  `
    mutation Hold($input: HoldTicketInput!) {
      result: holdTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const RESUME = graphql(
  `
    mutation Resume($input: TicketActionInput!) {
      result: resumeTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const RESOLVE = graphql(
  `
    mutation Resolve($input: ResolveTicketInput!) {
      result: resolveTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const CLOSE = graphql(
  `
    mutation Close($input: CloseTicketInput!) {
      result: closeTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const REOPEN = graphql(
  `
    mutation Reopen($input: ReopenTicketInput!) {
      result: reopenTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const ESCALATE = graphql(
  `
    mutation Escalate($input: EscalateTicketInput!) {
      result: escalateTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const WATCH = graphql(
  `
    mutation Watch($input: TicketActionInput!) {
      result: watchTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const UNWATCH = graphql(
  `
    mutation Unwatch($input: TicketActionInput!) {
      result: unwatchTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const ADD_WATCHER = graphql(
  `
    mutation AddWatcher($input: AddWatcherInput!) {
      result: addWatcher(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const REMOVE_WATCHER = graphql(
  `
    mutation RemoveWatcher($input: RemoveWatcherInput!) {
      result: removeWatcher(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const LINK = graphql(
  `
    mutation Link($input: LinkTicketsInput!) {
      result: linkTickets(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const UNLINK = graphql(
  `
    mutation Unlink($input: UnlinkTicketsInput!) {
      result: unlinkTickets(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const MERGE = graphql(
  `
    mutation Merge($input: MergeTicketsInput!) {
      result: mergeTickets(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const UNMERGE = graphql(
  `
    mutation Unmerge($input: TicketActionInput!) {
      result: unmergeTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const REDACT_MESSAGE = graphql(
  `
    mutation RedactMessage($input: RedactMessageInput!) {
      result: redactMessage(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const REDACT_TICKET = graphql(
  `
    mutation RedactTicket($input: RedactTicketInput!) {
      result: redactTicket(input: $input) { ...Changed }
    }
  `,
  [CHANGED],
);
export const MARK_READ = graphql(`
  mutation MarkRead($input: MarkTicketReadInput!) {
    markTicketRead(input: $input) {
      userErrors { code message }
      ticket { id version viewerHasUnread }
    }
  }
`);
export const SET_PRESENCE = graphql(`
  mutation SetPresence($input: SetPresenceInput!) {
    setPresence(input: $input) { userErrors { code message } }
  }
`);

export type Payload = ResultOf<typeof CHANGED>;
