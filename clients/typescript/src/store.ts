import { isFinal, isNewer, laterCursor, LOG_START, mergeStamps } from "./cursor.js";
import type { Cursor, Stamp } from "./cursor.js";
import type { Selection, Variables } from "./document.js";
import { isEqual, readRecord, shareStructure } from "./normalize.js";
import type { FieldReader, Fields, Normalized, Stored } from "./normalize.js";
import { OptimisticChanges } from "./optimistic.js";
import type { OptimisticChange, Patches } from "./optimistic.js";

/** The id under which the root fields of queries are stored. */
export const QUERY_ROOT = "";

/** How long a record that nothing shows is kept, so that no older response can bring it back. */
const UNUSED_RECORD_MS = 5 * 60_000;
const MIN_RECORDS_TO_SWEEP = 2_000;

/** States how current a response is. */
export interface Freshness {
  /** Undefined for an item that has none: it is then as current as what the store has. */
  readonly cursor: Cursor | undefined;
  /** The step at which the request was sent. Undefined for items of subscriptions. */
  readonly sentAt?: number;
}

interface Received extends Freshness {
  readonly receivedAt: number;
}

interface StoredField {
  value: Stored;
  stamp: Stamp;
}

interface StoredRecord {
  readonly fields: Map<string, StoredField>;
  writtenAt: number;
}

/** A part of the store that an application shows, for example a query or a row of a list. */
export interface View<Value> {
  /**
   * The current value. It stays the same object while nothing changes. If a field is missing, the
   * last complete value, or undefined if there was none.
   */
  readonly value: Value | undefined;
  /** The field without which the value is not complete, if there is one. */
  readonly missing: string | undefined;
  close(): void;
}

/** A live list, as far as the store must know it. */
export interface ListProgress {
  /** Tells whether the list includes all that the log says about the record up to the cursor. */
  hasReached(id: string, cursor: Cursor): boolean;
}

/**
 * The records that an application has received, with optimistic changes on top.
 *
 * Each field keeps the stamp of its value, and only a newer value replaces it. So the order in
 * which responses and events arrive does not matter, and no field goes back in time.
 */
export class Store {
  readonly optimistic: OptimisticChanges;
  private readonly records = new Map<string, StoredRecord>();
  private readonly views = new Map<string, Set<RecordView<unknown>>>();
  private readonly lists = new Set<ListProgress>();
  private recordsAfterSweep = 0;
  private step = 0;
  /** The highest cursor that was received, by any response or item. */
  private lastCursor = LOG_START;

  /** @param now Returns the time in milliseconds. */
  constructor(private readonly now: () => number) {
    this.optimistic = new OptimisticChanges((id, key) => this.stampOf(id, key)?.cursor);
  }

  /** The number of records. */
  get size(): number {
    return this.records.size;
  }

  /** Returns the number of the next step. Requests and responses are ordered by their steps. */
  nextStep(): number {
    return ++this.step;
  }

  /** For a request that is sent now: the server reads no older state than it has sent before. */
  beginRequest(): { readonly cursor: Cursor; readonly sentAt: number } {
    return { cursor: this.lastCursor, sentAt: this.nextStep() };
  }

  /** Stores what is newer in a response. */
  write(response: Normalized, freshness: Freshness, includeRoot = false): void {
    const changed = new Set<string>();
    const receivedAt = this.nextStep();
    this.lastCursor = laterCursor(this.lastCursor, freshness.cursor ?? LOG_START);
    const records = includeRoot
      ? [{ id: QUERY_ROOT, version: undefined, fields: response.root }, ...response.records]
      : response.records;
    for (const { id, version, fields } of records) {
      if (this.writeRecord(id, fields, version, { ...freshness, receivedAt })) changed.add(id);
      if (this.optimistic.changes(id)) changed.add(id);
    }
    this.settle();
    this.notify(changed);
    this.sweepIfLarge();
  }

  private writeRecord(
    id: string,
    fields: Fields,
    version: number | undefined,
    received: Received,
  ): boolean {
    const record = this.records.get(id) ?? { fields: new Map<string, StoredField>(), writtenAt: 0 };
    record.writtenAt = this.now();
    this.records.set(id, record);
    let isChanged = false;
    for (const [key, value] of Object.entries(fields)) {
      const known = record.fields.get(key);
      const cursor = received.cursor ?? known?.stamp.cursor ?? LOG_START;
      const stamp = {
        cursor,
        version,
        isFinal: isFinal(key, value),
        sentAt: received.sentAt ?? -Infinity,
        receivedAt: received.receivedAt,
      };
      if (!known) {
        record.fields.set(key, { value, stamp });
        isChanged = true;
        continue;
      }
      if (!isNewer(stamp, known.stamp)) {
        known.stamp = mergeStamps(known.stamp, stamp);
        continue;
      }
      known.stamp = mergeStamps(stamp, known.stamp);
      if (isEqual(known.value, value)) continue;
      known.value = value;
      isChanged = true;
    }
    return isChanged;
  }

  /** Shows changes before the server has confirmed them. */
  change(patches: Patches): OptimisticChange {
    const change = this.optimistic.add(patches);
    this.notify(change.patches.keys());
    return change;
  }

  /** Takes back an optimistic change, because its mutation has failed. */
  rollBack(change: OptimisticChange): void {
    this.optimistic.remove(change);
    this.notify(change.patches.keys());
  }

  /**
   * Keeps an optimistic change until everything that it affects includes the cursor of its
   * mutation.
   */
  confirm(change: OptimisticChange, cursor: Cursor): void {
    change.confirmedAt = cursor;
    this.settle();
    this.notify(change.patches.keys());
  }

  /** Ends confirmed changes that the store and all lists include. */
  private settle(): void {
    const isReached = (id: string, cursor: Cursor): boolean =>
      [...this.lists].every((list) => list.hasReached(id, cursor));
    for (const change of this.optimistic.takeSettled(isReached)) this.notify(change.patches.keys());
  }

  /** Makes optimistic changes wait for a list. Returns a function that ends this. */
  addList(list: ListProgress): () => void {
    this.lists.add(list);
    return () => {
      this.lists.delete(list);
      this.settle();
    };
  }

  /** Returns a field as it is shown, or with `isConfirmed` without optimistic changes. */
  readField(id: string, key: string, isConfirmed = false): Stored | undefined {
    const expected = isConfirmed ? undefined : this.optimistic.read(id, key);
    return expected === undefined ? this.records.get(id)?.fields.get(key)?.value : expected;
  }

  /** Returns how new a field is. */
  stampOf(id: string, key: string): Stamp | undefined {
    return this.records.get(id)?.fields.get(key)?.stamp;
  }

  /** Opens a view of a record. `onChange` is called when its value may have changed. */
  view<Value>(
    id: string,
    selections: readonly Selection[],
    variables: Variables,
    onChange: () => void,
  ): View<Value> {
    return new RecordView<Value>(this, id, selections, variables, onChange, this.views);
  }

  /** Removes root fields of queries that are no longer shown. */
  forgetQuery(keys: Iterable<string>): void {
    const root = this.records.get(QUERY_ROOT);
    for (const key of keys) root?.fields.delete(key);
  }

  private notify(ids: Iterable<string>): void {
    const affected = new Set<RecordView<unknown>>();
    for (const id of ids) for (const view of this.views.get(id) ?? []) affected.add(view);
    for (const view of affected) view.markChanged();
  }

  /** Removes records that nothing shows. */
  private sweepIfLarge(): void {
    if (this.records.size < Math.max(MIN_RECORDS_TO_SWEEP, 2 * this.recordsAfterSweep)) return;
    const oldest = this.now() - UNUSED_RECORD_MS;
    for (const [id, record] of this.records) {
      const isUsed = id === QUERY_ROOT || this.views.has(id) || this.optimistic.changes(id);
      if (!isUsed && record.writtenAt < oldest) this.records.delete(id);
    }
    this.recordsAfterSweep = this.records.size;
  }
}

/** Remembers the last value of a view and the records that it was read from. */
class RecordView<Value> implements View<Value> {
  private current: Value | undefined;
  private isStale = true;
  private ids = new Set<string>();
  private missingField: string | undefined;

  constructor(
    private readonly store: Store,
    private readonly id: string,
    private readonly selections: readonly Selection[],
    private readonly variables: Variables,
    private readonly onChange: () => void,
    private readonly views: Map<string, Set<RecordView<unknown>>>,
  ) {
    this.read();
  }

  get value(): Value | undefined {
    if (this.isStale) this.read();
    return this.current;
  }

  get missing(): string | undefined {
    if (this.isStale) this.read();
    return this.missingField;
  }

  markChanged(): void {
    this.isStale = true;
    this.onChange();
  }

  close(): void {
    this.dependOn(new Set());
  }

  private read(): void {
    const ids = new Set<string>();
    let missing: string | undefined;
    const readField: FieldReader = (id, key, isConfirmed) => {
      const field = this.store.readField(id, key, isConfirmed);
      if (field === undefined) missing = `${id} ${key}`;
      return field;
    };
    const value = readRecord(this.id, this.selections, this.variables, readField, ids) as
      Value | undefined;
    // A reference may have moved to a record of which the store has only a part. What was complete
    // is shown until the rest arrives.
    if (value !== undefined) this.current = shareStructure(this.current, value);
    this.missingField = value === undefined ? missing : undefined;
    this.isStale = false;
    this.dependOn(ids);
  }

  private dependOn(ids: Set<string>): void {
    for (const id of this.ids) {
      if (ids.has(id)) continue;
      const others = this.views.get(id);
      others?.delete(this as RecordView<unknown>);
      if (others?.size === 0) this.views.delete(id);
    }
    for (const id of ids) {
      const others = this.views.get(id) ?? new Set();
      others.add(this as RecordView<unknown>);
      this.views.set(id, others);
    }
    this.ids = ids;
  }
}
