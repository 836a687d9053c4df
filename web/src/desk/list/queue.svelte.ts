// What belongs to the list besides its rows: filters, selection, bulk changes and preferences.
import type { TicketwireClient } from "@ticketwire/client";
import { router } from "../router.svelte";
import { BulkJobs } from "./bulk-jobs.svelte";
import { Choices } from "./choices";
import { FILTER_NAMES, readFilters, writeFilters, type Filters } from "./filters";
import { FieldColumns } from "./field-columns.svelte";
import { Selection } from "./selection.svelte";

const COMPACT_KEY = "ticketwire-compact-rows";

export class Queue {
  readonly selection = new Selection();
  readonly jobs: BulkJobs;
  readonly choices: Choices;
  readonly fields: FieldColumns;
  /** Whether rows are lower. It is kept in this browser. */
  private compact = $state(localStorage.getItem(COMPACT_KEY) !== null);

  constructor(client: TicketwireClient) {
    this.jobs = new BulkJobs(client);
    this.choices = new Choices(client);
    this.fields = new FieldColumns(client);
  }

  readonly filters = $derived.by((): Filters => readFilters(router.search));

  /** Change filters in the address. While a person types, the history keeps only the last text. */
  setFilters(changes: Partial<Filters>): void {
    const changed = { ...this.filters, ...changes };
    const isTyping = Object.keys(changes).join() === "text";
    router.openSearch(writeFilters(router.search, changed), isTyping);
  }

  clearFilters(): void {
    const values = Object.fromEntries(FILTER_NAMES.map((name) => [name, []]));
    this.setFilters({ text: "", unread: false, values: values as unknown as Filters["values"] });
  }

  get isCompact(): boolean {
    return this.compact;
  }

  set isCompact(value: boolean) {
    this.compact = value;
    if (value) localStorage.setItem(COMPACT_KEY, "1");
    else localStorage.removeItem(COMPACT_KEY);
  }
}
