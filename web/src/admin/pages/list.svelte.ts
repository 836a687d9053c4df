// The list of a section: the records that the server finds for the search words, page by page.
import { messageOf } from "../../shared/api";
import { uniqueById } from "../../shared/parts/unique";
import type { Row, Section } from "../base/section";

const DELAY_MS = 150;

export class RecordList<R extends Row> {
  rows = $state.raw<readonly R[]>([]);
  next = $state<string | null>(null);
  /** Whether the rows are those of the present search words. */
  isLoaded = $state(false);
  isLoading = $state(false);
  error = $state("");
  search = $state("");
  includeArchived = $state(false);
  /** The record that was opened last: its row gets the focus back. */
  openedId = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private latest = 0;

  constructor(private readonly section: Section<R>) {}

  find(search: string): void {
    this.search = search;
    this.isLoaded = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.reload(), DELAY_MS);
  }

  showArchived(includeArchived: boolean): void {
    this.includeArchived = includeArchived;
    this.isLoaded = false;
    void this.reload();
  }

  /** Read the rows again, as many as there are. For other search words, the first page is enough. */
  async reload(): Promise<void> {
    await this.read(null, this.isLoaded ? this.rows.length : 0);
  }

  async more(): Promise<void> {
    if (!this.isLoading) await this.read(this.next);
  }

  private async read(after: string | null, minimum = 0): Promise<void> {
    const turn = ++this.latest;
    this.error = "";
    this.isLoading = true;
    try {
      const query = { search: this.search.trim(), includeArchived: this.includeArchived };
      let rows = after === null ? [] : this.rows;
      let next = after;
      do {
        const page = await this.section.load({ ...query, after: next });
        if (turn !== this.latest) return; // only the latest search counts
        rows = uniqueById([...rows, ...page.rows]);
        next = page.next;
      } while (next !== null && rows.length < minimum);
      this.rows = rows;
      this.next = next;
      this.isLoaded = true;
    } catch (failure) {
      if (turn === this.latest) this.error = messageOf(failure);
    } finally {
      if (turn === this.latest) this.isLoading = false;
    }
  }
}

const lists = new Map<string, RecordList<Row>>();

/** The list of a section, which keeps its search words while the page is open. */
export function listOf(section: Section): RecordList<Row> {
  const known = lists.get(section.id);
  if (known !== undefined) return known;
  const list = new RecordList(section);
  lists.set(section.id, list);
  return list;
}
