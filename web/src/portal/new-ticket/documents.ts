// What the form of a new ticket reads, and the types of their results.
import { graphql, type ResultOf } from "../../shared/graphql";

export const CATEGORIES = graphql(`
  query PortalCategories { categories { id slug name parent { id name } } }
`);
export const FIELDS = graphql(`
  query PortalFields($category: String) {
    customFields(category: $category, first: 100) {
      nodes { id key label type requiredAt customerAccess options { key label active } }
    }
  }
`);
const SIMILAR = graphql(`
  fragment SimilarTicket on Ticket { id version number ref subject status heldUntil }
`);
export const FIND_SIMILAR = graphql(
  `
    query FindSimilar($filter: TicketFilter!) {
      tickets(filter: $filter, first: 20) { nodes { ...SimilarTicket } }
    }
  `,
  [SIMILAR],
);
export const EARLIER_TICKET = graphql(
  `
    query EarlierTicket($number: Int!) { ticketByNumber(number: $number) { ...SimilarTicket } }
  `,
  [SIMILAR],
);
export const EARLIER_TICKET_BY_ID = graphql(
  `
    query EarlierTicketById($id: ID!) { ticket(id: $id) { ...SimilarTicket } }
  `,
  [SIMILAR],
);
export type Category = ResultOf<typeof CATEGORIES>["categories"][number];
export type Field = ResultOf<typeof FIELDS>["customFields"]["nodes"][number];
export type SimilarTicket = ResultOf<typeof SIMILAR>;
