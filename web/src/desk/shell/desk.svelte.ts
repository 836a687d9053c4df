// What all parts of the desk share: the client of the API, the person, the views and the open list.
import { TicketwireClient } from "@ticketwire/client";
import { getContext, setContext } from "svelte";
import { goToSignIn } from "../../shared/api";
import { connection, WatchedSocket } from "./connection.svelte";
import { VIEW_COUNTS, VIEWER, type Viewer } from "../documents";
import { router } from "./router.svelte";
import { serverTime } from "../parts/server-time.svelte";
import { TicketList } from "../queue/ticket-list.svelte";
import { ALL_OPEN, savedView, type View } from "../queue/views";

const KEY = Symbol("desk");

export class Desk {
  readonly client: TicketwireClient;
  views = $state.raw<readonly View[]>([ALL_OPEN]);
  /** Whether the saved views have arrived. */
  hasViews = $state(false);
  view = $state.raw<View | null>(null);
  list = $state.raw<TicketList | null>(null);
  /** Opens the ticket after the open one. The page sets it. */
  openNext: () => void = () => undefined;
  /** The row that the keys j and k have chosen. */
  selectedId = $state<string | null>(null);

  constructor(readonly viewer: Viewer) {
    this.client = new TicketwireClient({
      url: "/graphql",
      account: viewer.id,
      fetch: serverTime.fetch,
      webSocket: WatchedSocket,
      onSessionExpired: goToSignIn,
    });
    this.client.watch(VIEWER); // so that the store knows the name of the person
    this.client.follow(VIEW_COUNTS, {
      canResume: false,
      next: ({ savedViewCounts }) => {
        const found = savedViewCounts.counts.map(savedView);
        this.views = [ALL_OPEN, ...found.filter((each) => each !== null)];
        this.hasViews = true;
        this.openView();
      },
    });
    router.changed = () => this.openView();
    this.openView();
  }

  /** Show the view of the address. Saved views must have arrived. */
  private openView(): void {
    const id = router.view;
    const found = this.views.find((each) => each.id === id) ?? (this.hasViews ? ALL_OPEN : null);
    const isSame = found !== null && found.id === this.view?.id;
    if (isSame && JSON.stringify(found.filter) === JSON.stringify(this.view?.filter)) return;
    this.list?.close();
    this.view = found;
    this.list = found === null ? null : new TicketList(this.client, found);
    this.selectedId = null;
  }

  /** The row before or after the selected one, or after the open ticket. */
  neighbour(step: 1 | -1, openNumber: number | null): string | null {
    const rows = this.list?.rows ?? [];
    const isCurrent = (row: (typeof rows)[number]): boolean =>
      this.selectedId === null ? row.number === openNumber : row.id === this.selectedId;
    const index = rows.findIndex(isCurrent);
    const target = index < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, index + step));
    return rows[target]?.id ?? null;
  }
}

export function provideDesk(desk: Desk): void {
  setContext(KEY, desk);
}

export function useDesk(): Desk {
  return getContext<Desk>(KEY);
}

/** Keeps the status of the bar equal to that of the list. */
export function followStatus(desk: Desk): void {
  $effect(() => {
    if (desk.list !== null) connection.follow(desk.list.status);
  });
}
