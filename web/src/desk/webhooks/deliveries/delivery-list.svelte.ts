// The deliveries of a webhook, newest event first. Their states change in place; new ones wait until
// the person wants to see them.
import { messageOf } from "../../../shared/api";
import { uniqueById } from "../../../shared/parts/unique";
import { read } from "../../parts/read";
import { DELIVERIES, DELIVERIES_BY_ID, deliveriesOf, type Delivery, type DeliveryStatus } from "../documents";

/** The server reads at most so many nodes at once. */
const MAX_NODES = 100;

export class DeliveryList {
  shown = $state.raw<readonly Delivery[]>([]);
  /** Those that wait behind a button. */
  waiting = $state.raw<readonly Delivery[]>([]);
  isLoaded = $state(false);
  hasMore = $state(false);
  isBusy = $state(false);
  error = $state("");
  private endCursor: string | null = null;
  /** The newest page, if there are deliveries between it and those that are known. */
  private newest: Page | null = null;
  private isClosed = false;

  /** @param statuses Null for all. */
  constructor(
    private readonly webhookId: string,
    private readonly statuses: readonly DeliveryStatus[] | null,
  ) {}

  close(): void {
    this.isClosed = true;
  }

  /** Read the newest page, and the present state of the others. */
  async refresh(): Promise<void> {
    try {
      const page = await this.readPage(null);
      const changed = await this.readUnfinished();
      if (this.isClosed || page === null) return;
      if (this.shown.length === 0) this.start(page);
      else this.merge(changed, page);
      this.isLoaded = true;
      this.error = "";
    } catch (failure) {
      if (!this.isClosed) this.error = messageOf(failure);
    }
  }

  async showMore(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      const page = await this.readPage(this.endCursor);
      if (this.isClosed || page === null) return;
      this.shown = uniqueById([...this.shown, ...page.nodes]);
      this.endCursor = page.pageInfo.endCursor;
      this.hasMore = page.pageInfo.hasNextPage;
      this.error = "";
    } catch (failure) {
      if (!this.isClosed) this.error = messageOf(failure);
    } finally {
      this.isBusy = false;
    }
  }

  showWaiting(): void {
    if (this.newest !== null) {
      this.start(this.newest); // "Show more" leads to those between
      this.newest = null;
      this.waiting = [];
      return;
    }
    const all = uniqueById([...this.waiting, ...this.shown]);
    this.shown = all.sort((a, b) => (a.event.cursor < b.event.cursor ? 1 : -1));
    this.waiting = [];
  }

  /** Show the new state of a delivery. */
  replace(delivery: Delivery): void {
    this.shown = this.shown.map((each) => (each.id === delivery.id ? delivery : each));
  }

  private start(page: Page): void {
    this.shown = page.nodes;
    this.endCursor = page.pageInfo.endCursor;
    this.hasMore = page.pageInfo.hasNextPage;
  }

  private merge(changed: readonly Delivery[], page: Page): void {
    const read = [...changed, ...page.nodes];
    const byId = new Map(read.map((each) => [each.id, each]));
    const known = new Set(this.shown.map((each) => each.id));
    const last = this.shown.at(-1)?.event.cursor ?? "";
    this.shown = this.shown.map((each) => byId.get(each.id) ?? each);
    const seen = new Set([...known, ...this.waiting.map((each) => each.id)]);
    const isApart = page.pageInfo.hasNextPage && !page.nodes.some((each) => seen.has(each.id));
    if (isApart || this.newest !== null) this.newest = page;
    // Older ones belong to a page that was not read yet.
    const isNew = (each: Delivery): boolean => !known.has(each.id) && (!this.hasMore || each.event.cursor > last);
    this.waiting = uniqueById([...read, ...this.waiting].filter(isNew));
  }

  private async readPage(after: string | null): Promise<Page | null> {
    const status = this.statuses === null ? null : [...this.statuses];
    const { webhook } = await read(DELIVERIES, { id: this.webhookId, status, after });
    return webhook?.deliveries ?? null;
  }

  /** A finished delivery changes only if somebody sends it again. */
  private async readUnfinished(): Promise<readonly Delivery[]> {
    const unfinished = this.shown.filter(({ status }) => status === "PENDING" || status === "RETRYING");
    const ids = unfinished.slice(0, MAX_NODES).map((each) => each.id);
    return ids.length === 0 ? [] : deliveriesOf((await read(DELIVERIES_BY_ID, { ids })).nodes);
  }
}

interface Page {
  readonly nodes: readonly Delivery[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
