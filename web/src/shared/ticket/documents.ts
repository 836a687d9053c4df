// The subscription that tells when an open ticket has changed.
import { graphql } from "../graphql";

export const TICKET_EVENTS = graphql(`
  subscription TicketEvents($ticketId: ID!, $after: String) {
    ticketEvents(ticketId: $ticketId, after: $after) { id cursor }
  }
`);
