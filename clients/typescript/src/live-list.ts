import type { Cursor } from "./cursor.js";
import { prepare, storageKey } from "./document.js";
import type { Operation, Selection, TypedDocument, Variables } from "./document.js";
import { Listeners } from "./listeners.js";
import { Membership } from "./membership.js";
import type { TicketChange } from "./membership.js";
import { normalize } from "./normalize.js";
import type { ListProgress, Store, View } from "./store.js";
import { Subscription } from "./subscription.js";
import type { SubscriptionServices, SubscriptionStatus } from "./subscription.js";

/** The server sends a HEARTBEAT after 15 quiet seconds. */
const DEADLINE_MS = 40_000;

export interface LiveListOptions<Ticket, Input> {
  /**
   * A subscription of `ticketChanges` that has the variable `$after` and selects
   * `kind cursor ticketId ticket { id version … }`. See README.md for an example.
   */
  readonly document: TypedDocument<{ readonly ticketChanges: TicketChange<Ticket> }, Input>;
  /** The variables without `after`, for example the filter. */
  readonly variables?: Omit<Input, "after">;
  /** The order of the rows, as for Array.sort. */
  readonly compare: (a: Ticket, b: Ticket) => number;
  /**
   * Tells whether a row still belongs to the list. It is asked only for rows with an optimistic
   * change, so that a resolved ticket leaves the list of open tickets at once. Default: all do.
   */
  readonly matches?: (ticket: Ticket) => boolean;
}

/** The tickets that match a filter, kept current by the subscription `ticketChanges`. */
export class LiveList<Ticket extends object, Input = Variables> implements ListProgress {
  private readonly membership = new Membership();
  private readonly views = new Map<string, View<Ticket>>();
  private readonly listeners = new Listeners();
  private readonly operation: Operation;
  private readonly selections: readonly Selection[];
  private readonly subscription: Subscription;
  private readonly removeFromStore: () => void;
  private sorted: readonly Ticket[] | undefined;
  private isClosed = false;

  constructor(
    private readonly store: Store,
    services: SubscriptionServices,
    private readonly options: LiveListOptions<Ticket, Input>,
  ) {
    this.operation = prepare(options.document);
    this.selections = ticketSelections(this.operation);
    this.removeFromStore = store.addList(this);
    this.subscription = new Subscription(services, {
      request: () => ({ query: this.operation.text, variables: this.variables() }),
      started: () => this.membership.restart(),
      next: (data) => this.receive(data as { ticketChanges: TicketChange<Ticket> }),
      cursorLost: () => this.membership.forgetCursor(),
      statusChanged: () => this.statusChanged(),
      deadlineMs: DEADLINE_MS,
    });
  }

  /** The tickets in order. It stays the same array while nothing changes. */
  get rows(): readonly Ticket[] {
    if (this.isClosed) return this.sorted ?? [];
    this.sorted ??= this.readRows().sort(this.options.compare);
    return this.sorted;
  }

  /** The list equals the result of the query `tickets` at this cursor. */
  get cursor(): Cursor {
    return this.membership.cursor;
  }

  /** Whether the list is complete, which it is after the first snapshot. */
  get isComplete(): boolean {
    return this.membership.isComplete;
  }

  get status(): SubscriptionStatus {
    return this.subscription.status;
  }

  /** The reason, if the status is failed. */
  get error(): Error | undefined {
    return this.subscription.error;
  }

  /** The ids of the tickets, without regard to optimistic changes. */
  get ids(): ReadonlySet<string> {
    return this.membership.members;
  }

  /** Calls a function after changes of rows or status. Returns a function that ends this. */
  subscribe(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  /** Shows tickets, for example the first page of a query, until the list is complete. */
  addProvisional(ids: Iterable<string>): void {
    this.membership.addProvisional(ids);
    this.markChanged();
  }

  close(): void {
    this.isClosed = true; // listeners may read the rows once more
    this.subscription.close();
    this.removeFromStore();
    for (const view of this.views.values()) view.close();
    this.views.clear();
  }

  hasReached(id: string, cursor: Cursor): boolean {
    return this.membership.hasReached(id, cursor);
  }

  private statusChanged(): void {
    // A list that has failed does not advance any more, so nothing may wait for it.
    if (this.status === "failed") this.removeFromStore();
    this.listeners.notify();
  }

  private variables(): Variables {
    const after = this.membership.isComplete ? this.membership.cursor : null;
    return { ...this.options.variables, after };
  }

  private receive(data: { ticketChanges: TicketChange<Ticket> }): void {
    const change = data.ticketChanges;
    const variables = this.options.variables ?? {};
    // First the membership: optimistic changes that this item settles must not be seen without it.
    if (this.membership.apply(change)) {
      this.closeUnusedViews(change.kind === "REMOVED" ? [change.ticketId!] : this.views.keys());
      this.markChanged();
    }
    this.store.write(normalize(this.operation.selections, variables as Variables, data), {
      cursor: change.cursor,
    });
    // The store keeps what is in a view, also while nobody reads the rows.
    const { ticketId } = change;
    if (ticketId !== null && this.membership.uses(ticketId)) void this.openView(ticketId).value;
  }

  private markChanged(): void {
    if (this.isClosed) return;
    this.sorted = undefined;
    this.listeners.notify();
  }

  private readRows(): Ticket[] {
    const rows: Ticket[] = [];
    for (const id of this.membership.members) {
      const row = this.openView(id).value;
      if (row && !this.isLeaving(id, row)) rows.push(row);
    }
    return rows;
  }

  private closeUnusedViews(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.membership.uses(id)) continue;
      this.views.get(id)?.close();
      this.views.delete(id);
    }
  }

  private openView(id: string): View<Ticket> {
    const known = this.views.get(id);
    if (known) return known;
    const variables = (this.options.variables ?? {}) as Variables;
    const view = this.store.view<Ticket>(id, this.selections, variables, () => this.markChanged());
    this.views.set(id, view);
    return view;
  }

  private isLeaving(id: string, row: Ticket): boolean {
    const { matches } = this.options;
    if (!matches || !this.store.optimistic.changes(id)) return false;
    // The row is an earlier one if it refers to a record that is known only partly.
    const variables = (this.options.variables ?? {}) as Variables;
    const current: Record<string, unknown> = { ...(row as Record<string, unknown>) };
    for (const selection of this.selections) {
      if (selection.children !== null) continue;
      const value = this.store.readField(id, storageKey(selection, variables));
      if (value !== undefined) current[selection.responseKey] = value;
    }
    return !matches(current as Ticket);
  }
}

function ticketSelections(operation: Operation): readonly Selection[] {
  const changes = operation.selections.find((selection) => selection.name === "ticketChanges");
  const ticket = changes?.children?.find((selection) => selection.responseKey === "ticket");
  if (!ticket?.isRecord)
    throw new TypeError("the document must select ticketChanges { ticket { id } }");
  return ticket.children!;
}
