// The operations of notifications and of their preferences, and the types of their results. Each
// application reads its own fields of the notifications themselves.
import type { TadaDocumentNode } from "gql.tada";
import { graphql, type ResultOf } from "../graphql";

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

/** What the list shows of a notification, besides its text. */
export interface ListedNotification {
  readonly id: string;
  readonly readAt: string | null;
  readonly createdAt: string;
  readonly event: { readonly ticket: { readonly ref: string; readonly subject: string } };
}

/** Reads the latest notifications, as many as its variable `count`. */
export type LatestNotifications<N extends ListedNotification> = TadaDocumentNode<
  { readonly notifications: { readonly nodes: readonly N[] } },
  { count: number },
  void
>;

type SetResult = NonNullable<ResultOf<typeof SET_PREFERENCE>["setNotificationPreference"]>;
export type Preference = SetResult["preferences"][number];
