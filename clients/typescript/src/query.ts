import type { Cursor } from "./cursor.js";
import { prepare, storageKey } from "./document.js";
import type { Operation, TypedDocument, Variables } from "./document.js";
import { Listeners } from "./listeners.js";
import type { QueryResult } from "./operations.js";
import { QUERY_ROOT } from "./store.js";
import type { Store, View } from "./store.js";

/** The reference may move again while the query is being read. */
const MAX_COMPLETIONS = 3;

/** What a query needs from its client. */
export interface QueryServices {
  readonly store: Store;
  /**
   * Executes an operation, repeats it after interruptions, and writes its response to the store.
   */
  readonly fetch: (operation: Operation, variables: Variables) => Promise<QueryResult>;
}

export type QueryStatus = "loading" | "ready" | "failed" | "closed";

/** The result of a query, which follows all changes of its records that the store receives. */
export class Query<Result> {
  /** The reason, if the status is failed. */
  error: Error | undefined;
  /**
   * The last response includes everything up to this cursor. Subscribe after it to miss nothing.
   */
  cursor: Cursor | undefined;
  private readonly operation: Operation;
  private readonly listeners = new Listeners();
  private view: View<Result> | undefined;
  private state: QueryStatus = "loading";
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  /** The missing field for which the query was read again, and how often. */
  private completedFor: string | undefined;
  private completions = 0;

  constructor(
    private readonly services: QueryServices,
    document: TypedDocument<Result, never>,
    private readonly variables: Variables,
    private readonly closed: (keys: readonly string[]) => void,
  ) {
    this.operation = prepare(document);
    this.listeners.add(() => this.complete());
    void this.refetch().catch(() => undefined); // the error is in `error`
  }

  /**
   * The result. It stays the same object while nothing changes. Undefined until the first response.
   */
  get value(): Result | undefined {
    return this.view?.value;
  }

  get status(): QueryStatus {
    // A newer event may refer to a record that the first response did not have.
    if (this.state === "ready" && this.value === undefined) return "loading";
    return this.state;
  }

  /** The keys of the query's root fields in the store. */
  get rootKeys(): readonly string[] {
    return this.operation.selections.map((selection) => storageKey(selection, this.variables));
  }

  /** Calls a function after changes of value or status. Returns a function that ends this. */
  subscribe(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  /**
   * Reads the query again. Resolves after a response to a request that was sent after this call.
   *
   * Requests of one query never overlap: only then is the later response certainly the newer one.
   */
  refetch(): Promise<void> {
    if (!this.running) {
      this.running = this.fetchOnce().finally(() => {
        this.running = undefined;
        this.complete();
      });
      return this.running;
    }
    this.next ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        return this.refetch();
      });
    return this.next;
  }

  /** Reads the query again if it refers to a record of which the store has only a part. */
  private complete(): void {
    if (this.state !== "ready" || this.running) return;
    const missing = this.view?.missing;
    if (missing !== this.completedFor) this.completions = 0;
    this.completedFor = missing;
    // Not for ever: the response may not have it either.
    if (missing === undefined || ++this.completions > MAX_COMPLETIONS) return;
    void this.refetch().catch(() => undefined); // the error is in `error`
  }

  private async fetchOnce(): Promise<void> {
    try {
      const { cursor } = await this.services.fetch(this.operation, this.variables);
      if (this.state === "closed") return;
      const changed = (): void => this.listeners.notify();
      this.view ??= this.services.store.view<Result>(
        QUERY_ROOT,
        this.operation.selections,
        this.variables,
        changed,
      );
      this.cursor = cursor;
      this.state = "ready";
      this.error = undefined;
    } catch (error) {
      if (this.state === "closed") return;
      this.state = "failed";
      this.error = error as Error;
      throw error;
    } finally {
      this.listeners.notify();
    }
  }

  close(): void {
    this.state = "closed";
    this.view?.close();
    this.closed(this.rootKeys);
  }
}
