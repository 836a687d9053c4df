// What all parts of the portal share: the client of the API and the person.
import type { TicketwireClient } from "@ticketwire/client";
import { getContext, setContext } from "svelte";
import { UnreadNotifications } from "../shared/notifications/unread.svelte";
import { openClient, provideClient } from "../shared/page/client";
import { connection } from "../shared/page/connection.svelte";
import { Router } from "../shared/page/router.svelte";
import { VIEWER, type Viewer } from "./documents";

const KEY = Symbol("portal");

export const router = new Router();
export const { openLink } = router;

export class Portal {
  readonly client: TicketwireClient;
  readonly unread: UnreadNotifications;
  /** The outbox key of the new ticket that opens as soon as the server has stored it. */
  sentEntryKey = $state<string | null>(null);

  constructor(readonly viewer: Viewer) {
    this.client = openClient(viewer.id);
    this.unread = new UnreadNotifications(this.client, this.client.watch(VIEWER), (status) =>
      connection.follow(status),
    );
  }
}

export function providePortal(portal: Portal): void {
  setContext(KEY, portal);
  provideClient(portal.client);
}

export function usePortal(): Portal {
  return getContext<Portal>(KEY);
}
