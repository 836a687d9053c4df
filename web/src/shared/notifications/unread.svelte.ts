// How many notifications the person has not read.
import type { Query, Subscription, TicketwireClient } from "@ticketwire/client";
import { graphql } from "../graphql";
import { readable } from "../parts/sources";

const NOTIFICATIONS = graphql(`
  subscription Notifications($after: String) {
    notifications(after: $after) { id cursor }
  }
`);

interface WithCount {
  readonly viewer: { readonly unreadNotifications: number } | null;
}

export class UnreadNotifications {
  private readonly query: () => Query<WithCount>;
  /** No event tells that some were read, so the tabs of a browser tell each other. */
  private readonly tabs = new BroadcastChannel("ticketwire-notifications");
  /** How often a notification has arrived. */
  changes = $state(0);

  /**
   * @param query The person with the number.
   * @param statusChanged Called when the notifications begin or cease to be live.
   */
  constructor(
    client: TicketwireClient,
    query: Query<WithCount>,
    statusChanged: (status: Subscription["status"]) => void = () => undefined,
  ) {
    this.query = readable(query);
    const arrived = (): void => {
      this.changes += 1;
      this.countAgain();
    };
    const notifications: Subscription = client.follow(NOTIFICATIONS, {
      isLogCursor: false,
      next: arrived,
      gap: arrived,
      statusChanged: () => statusChanged(notifications.status),
    });
    this.tabs.onmessage = () => this.countAgain();
    // The person may have read some on another device.
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.countAgain();
    });
  }

  get count(): number {
    return this.query().value?.viewer?.unreadNotifications ?? 0;
  }

  /** The person has read some. */
  noteRead(): void {
    this.countAgain();
    this.tabs.postMessage(null);
  }

  private countAgain(): void {
    void this.query().refetch().catch(() => undefined); // the next notification tries again
  }
}
