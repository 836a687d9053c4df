// The notifications of a customer.
import { graphql, type ResultOf } from "../../shared/graphql";

const NOTIFICATION = graphql(`
  fragment PortalNotification on Notification {
    id
    readAt
    createdAt
    event {
      __typename
      id
      type
      actor { __typename displayName }
      ticket { id version ref subject }
      ... on TicketStatusChanged { to }
    }
  }
`);
export const LATEST_NOTIFICATIONS = graphql(
  `
    query LatestNotifications($count: Int!) {
      notifications(first: $count) { nodes { ...PortalNotification } }
    }
  `,
  [NOTIFICATION],
);

export type Notification = ResultOf<typeof NOTIFICATION>;
