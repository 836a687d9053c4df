// What all parts of the portal share: the client of the API and the person.
import type { Query, Subscription, TicketwireClient } from "@ticketwire/client";
import { getContext, setContext } from "svelte";
import type { ResultOf } from "../shared/graphql";
import { openClient, provideClient } from "../shared/page/client";
import { connection } from "../shared/page/connection.svelte";
import { Router } from "../shared/page/router.svelte";
import { readable } from "../shared/parts/sources";
import { VIEWER, type Viewer } from "./documents";
import { NOTIFICATIONS } from "./account/documents";

const KEY = Symbol("portal");

export const router = new Router();
export const { openLink } = router;

export class Portal {
  readonly client: TicketwireClient;
  private readonly query: () => Query<ResultOf<typeof VIEWER>>;
  /** The new ticket that waits to be opened when the server has stored it. */
  sentTicket = $state<string | null>(null);

  constructor(readonly viewer: Viewer) {
    this.client = openClient(viewer.id);
    this.query = readable(this.client.watch(VIEWER));
    const notifications: Subscription = this.client.follow(NOTIFICATIONS, {
      isLogCursor: false,
      next: () => this.countAgain(),
      gap: () => this.countAgain(),
      statusChanged: () => connection.follow(notifications.status),
    });
  }

  /** The number of unread notifications. */
  get unread(): number {
    return this.query().value?.viewer?.unreadNotifications ?? 0;
  }

  /** Read the number again, because no event tells it. */
  countAgain(): void {
    void this.query().refetch().catch(() => undefined); // the next notification tries again
  }
}

export function providePortal(portal: Portal): void {
  setContext(KEY, portal);
  provideClient(portal.client);
}

export function usePortal(): Portal {
  return getContext<Portal>(KEY);
}
