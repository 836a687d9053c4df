// What all parts of the desk share: the client of the API, the person, the views and the open list.
import type { TicketwireClient } from "@ticketwire/client";
import { getContext, setContext } from "svelte";
import { UnreadNotifications } from "../../shared/notifications/unread.svelte";
import { openClient, provideClient } from "../../shared/page/client";
import { connection } from "../../shared/page/connection.svelte";
import { VIEWER, type TicketRow, type Viewer } from "../documents";
import { router } from "../router.svelte";
import { isSameSource, sourceOf } from "../list/list-source";
import { RowPlace } from "../list/row-place";
import { TicketList } from "../list/ticket-list";
import { applyFilters } from "../list/filters";
import { Queue } from "../list/queue.svelte";
import { SavedViews } from "../list/saved-views.svelte";
import { ALL_OPEN, type View } from "../list/views";

const KEY = Symbol("desk");

export class Desk {
  readonly client: TicketwireClient;
  readonly savedViews: SavedViews;
  readonly queue: Queue;
  readonly unread: UnreadNotifications;
  view = $state.raw<View | null>(null);
  list = $state.raw<TicketList | null>(null);
  /** Opens the ticket after the open one. The page sets it. */
  openNext: () => void = () => undefined;
  /** The row that the keys j and k have chosen. */
  selectedId = $state<string | null>(null);
  private readonly place = new RowPlace();

  constructor(readonly viewer: Viewer) {
    this.client = openClient(viewer.id);
    this.unread = new UnreadNotifications(this.client, this.client.watch(VIEWER));
    this.queue = new Queue(this.client);
    this.savedViews = new SavedViews(this.client, () => this.openView());
    router.changed = () => this.openView();
    this.openView();
  }

  get views(): readonly View[] {
    return this.savedViews.all;
  }

  /** Show the view of the address, in its current form. Saved views must have arrived. */
  private openView(): void {
    if (router.page !== null && this.list !== null) return; // the page does not show it
    const id = router.view;
    const other = this.savedViews.hasArrived ? ALL_OPEN : null;
    const found = this.views.find((each) => each.id === id) ?? other;
    this.view = found === null ? null : applyFilters(found, this.queue.filters);
    const source = this.view === null ? null : sourceOf(this.view);
    if (source !== null && isSameSource(source, this.list?.source)) return;
    this.list?.close();
    this.list = source === null ? null : new TicketList(this.client, source);
    this.place.forget();
    this.selectedId = null;
    this.queue.selection.clear();
  }

  /** Read the open list again, after a failure. */
  reopenList(): void {
    if (this.list === null) return;
    this.list.close();
    this.list = new TicketList(this.client, this.list.source);
  }

  /** Remember where the current row is, for the time when it has gone. Called after changes. */
  notePlace(): void {
    this.place.note(this.list?.rows ?? [], this.isCurrent);
  }

  /** The row before or after the selected one, or after the open ticket. */
  neighbour(step: 1 | -1): string | null {
    const rows = this.list?.rows ?? [];
    const target = this.place.next(rows, this.isCurrent, step);
    return rows[Math.min(rows.length - 1, Math.max(0, target))]?.id ?? null;
  }

  /** The next row after the open ticket that is still in the view; null if there is none. */
  nextInView(): string | null {
    const { list } = this;
    const rows = list?.rows ?? [];
    const start = this.place.next(rows, this.isCurrent, 1);
    return rows.slice(start).find((row) => list?.hasLeft(row.id) === false)?.id ?? null;
  }

  private readonly isCurrent = (row: TicketRow): boolean =>
    this.selectedId === null ? row.number === router.ticketNumber : row.id === this.selectedId;
}

export function provideDesk(desk: Desk): void {
  setContext(KEY, desk);
  provideClient(desk.client);
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
