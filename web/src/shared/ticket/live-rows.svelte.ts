// The tickets of a list. They change in place, but come, go and move only when the person wants it.
import type { LiveList, LiveListOptions, TicketwireClient } from "@ticketwire/client";
import { readable } from "../parts/sources";

interface Row {
  readonly id: string;
  readonly viewerHasUnread: boolean;
}

/** Where the tickets come from. */
export interface RowSource<T extends Row> {
  readonly list: LiveListOptions<T, object>;
  /** Reads the ids of the first tickets, which are shown until the list is complete. */
  readonly readFirst: () => Promise<readonly string[]>;
  /** Reads all ids in the server's order, if `list` can't compare the tickets. */
  readonly readOrder?: (() => Promise<readonly string[]>) | undefined;
  /** Only tickets that are unread, or only others; null for all. */
  readonly unread: boolean | null;
}

export class LiveRows<T extends Row> {
  private readonly list: () => LiveList<T, object>;
  private ids = $state.raw<readonly string[]>([]);
  /** The last state of each shown row, for those that leave the view. */
  private known = new Map<string, T>();
  /** The place of each ticket in the server's order, if rows can't be compared. */
  private ranks = $state.raw<ReadonlyMap<string, number> | null>(null);
  private stop: () => void;
  private isClosed = false;
  private wasComplete = false;

  constructor(
    client: TicketwireClient,
    private readonly rowSource: RowSource<T>,
  ) {
    const list = client.liveList(rowSource.list);
    this.list = readable(list);
    this.stop = list.subscribe(() => this.follow(list.rows, list.isComplete));
    void rowSource.readFirst().then(
      (ids) => list.addProvisional(ids),
      () => undefined, // the list itself shows what is wrong
    );
    void this.readRanks();
  }

  private readonly members = $derived.by(
    () => new Map(this.list().rows.map((row) => [row.id, row])),
  );
  /** The rows that are in the view now, in order: the members that are unread, or all. */
  private readonly current = $derived.by(() => this.arrange([...this.members.values()]));

  /** The rows in the order that the person sees. Those that have left keep their place. */
  readonly rows = $derived.by(() =>
    this.ids.flatMap((id) => this.members.get(id) ?? this.known.get(id) ?? []),
  );
  /** The rows that still match the view. */
  readonly matching = $derived.by(() => this.rows.filter((row) => this.members.has(row.id)));
  /** The numbers of the tickets that wait to be shown, and of those that have left. */
  readonly newCount = $derived.by(() => {
    const shown = new Set(this.ids);
    return [...this.current.keys()].filter((id) => !shown.has(id)).length;
  });
  readonly removedCount = $derived.by(() => this.ids.filter((id) => !this.current.has(id)).length);
  /** Whether the shown rows that stay have another order now. */
  readonly hasNewOrder = $derived.by(() => {
    const shown = new Set(this.ids);
    const after = [...this.current.keys()].filter((id) => shown.has(id));
    const before = this.ids.filter((id) => this.current.has(id));
    return after.some((id, index) => id !== before[index]);
  });
  readonly hasChanges = $derived(this.newCount > 0 || this.removedCount > 0 || this.hasNewOrder);

  get size(): number {
    return this.current.size;
  }

  get isLoaded(): boolean {
    return this.list().isComplete || this.current.size > 0;
  }

  get isComplete(): boolean {
    return this.list().isComplete;
  }

  get status(): LiveList<T, object>["status"] {
    return this.list().status;
  }

  get error(): Error | undefined {
    return this.list().error;
  }

  /** Whether a ticket no longer matches. One that was read only becomes less bold. */
  hasLeft(id: string): boolean {
    return !this.members.has(id);
  }

  /** Show the tickets as they are now. */
  showAll(): void {
    this.showCurrent();
    if (this.ranks !== null) void this.readRanks();
  }

  close(): void {
    this.isClosed = true;
    this.stop();
    this.list().close();
  }

  private showCurrent(): void {
    this.ids = [...this.current.keys()];
    this.remember();
  }

  private arrange(all: readonly T[]): ReadonlyMap<string, T> {
    const { unread } = this.rowSource;
    const rows = all.filter((row) => unread === null || row.viewerHasUnread === unread);
    const ranks = this.ranks;
    const rankOf = (row: T): number => ranks?.get(row.id) ?? Number.MAX_SAFE_INTEGER;
    if (ranks !== null) rows.sort((a, b) => rankOf(a) - rankOf(b));
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Takes the rows themselves: the derived values change only after the list has told all. */
  private follow(rows: readonly T[], isComplete: boolean): void {
    // Nothing can jump before the list is complete, or if it shows nothing.
    if (!this.wasComplete || this.ids.length === 0) this.ids = [...this.arrange(rows).keys()];
    this.wasComplete ||= isComplete;
    this.remember(new Map(rows.map((row) => [row.id, row])));
  }

  private remember(members: ReadonlyMap<string, T> = this.members): void {
    const known = new Map<string, T>();
    for (const id of this.ids) {
      const row = members.get(id) ?? this.known.get(id);
      if (row) known.set(id, row);
    }
    this.known = known;
  }

  private async readRanks(): Promise<void> {
    const { readOrder } = this.rowSource;
    if (readOrder === undefined) return;
    try {
      const ids = await readOrder();
      if (this.isClosed) return;
      const isFirst = this.ranks === null;
      this.ranks = new Map(ids.map((id, index) => [id, index]));
      if (isFirst) this.showCurrent(); // the rows have had no order before
    } catch {
      // The rows stay in the order that they have.
    }
  }
}
