// The operations of notifications and of their preferences, and the types of their results.
import { graphql, type ResultOf } from "../../shared/graphql";

export const NOTIFICATIONS = graphql(`
  subscription PortalNotifications($after: String) {
    notifications(after: $after) { id cursor }
  }
`);
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
      notifications(first: $count) {
        pageInfo { hasNextPage }
        nodes { ...PortalNotification }
      }
    }
  `,
  [NOTIFICATION],
);
export const MARK_NOTIFICATIONS = graphql(`
  mutation MarkNotifications($input: MarkNotificationsReadInput!) {
    markNotificationsRead(input: $input) { unread userErrors { code message } }
  }
`);
export const PREFERENCES = graphql(`
  query Preferences {
    viewer { notificationPreferences { topic channel enabled } }
  }
`);
export const SET_PREFERENCE = graphql(`
  mutation SetPreference($input: SetNotificationPreferenceInput!) {
    setNotificationPreference(input: $input) {
      preferences { topic channel enabled }
      userErrors { code message }
    }
  }
`);

export type Notification = ResultOf<typeof NOTIFICATION>;
type SetResult = NonNullable<ResultOf<typeof SET_PREFERENCE>["setNotificationPreference"]>;
export type Preference = SetResult["preferences"][number];
