import type { Cursor } from "./cursor.js";
import type { Fields, Stored } from "./normalize.js";

/**
 * The expected new values of records, by id and field. For a field that holds a record, the value
 * is an object with its `id`. Fields with arguments and objects without an id can't be changed.
 */
export type Patches = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A change that is shown before the server has confirmed it. */
export interface OptimisticChange {
  readonly patches: ReadonlyMap<string, Fields>;
  /** The cursor of the mutation, once the server has executed it. */
  confirmedAt: Cursor | undefined;
}

/** The optimistic changes of a store, in the order in which they were made. */
export class OptimisticChanges {
  private changesInOrder: OptimisticChange[] = [];

  /**
   * @param cursorOf Returns up to which cursor a field is known, or undefined if it is not stored.
   */
  constructor(private readonly cursorOf: (id: string, key: string) => Cursor | undefined) {}

  get count(): number {
    return this.changesInOrder.length;
  }

  add(patches: Patches): OptimisticChange {
    const entries = Object.entries(patches).map(
      ([id, fields]) => [id, convertFields(fields)] as const,
    );
    const change = { patches: new Map(entries), confirmedAt: undefined };
    this.changesInOrder.push(change);
    return change;
  }

  remove(change: OptimisticChange): void {
    this.changesInOrder = this.changesInOrder.filter((each) => each !== change);
  }

  /** Tells whether a change affects a record. */
  changes(id: string): boolean {
    return this.changesInOrder.some((change) => change.patches.has(id));
  }

  /** Returns the newest value of a field that the store does not include yet. */
  read(id: string, key: string): Stored | undefined {
    for (let index = this.changesInOrder.length - 1; index >= 0; index--) {
      const change = this.changesInOrder[index]!;
      const value = change.patches.get(id)?.[key];
      if (value !== undefined && !this.isIncluded(change, id, key)) return value;
    }
    return undefined;
  }

  /** Removes the confirmed changes that the store and the lists include, and returns them. */
  takeSettled(isReached: (id: string, cursor: Cursor) => boolean): OptimisticChange[] {
    const settled = this.changesInOrder.filter(
      (change) =>
        change.confirmedAt !== undefined &&
        [...change.patches].every(
          ([id, fields]) =>
            isReached(id, change.confirmedAt!) &&
            Object.keys(fields).every((key) => this.isIncluded(change, id, key)),
        ),
    );
    if (settled.length)
      this.changesInOrder = this.changesInOrder.filter((change) => !settled.includes(change));
    return settled;
  }

  private isIncluded(change: OptimisticChange, id: string, key: string): boolean {
    if (change.confirmedAt === undefined) return false;
    const cursor = this.cursorOf(id, key);
    return cursor === undefined || cursor >= change.confirmedAt;
  }
}

function convertFields(fields: Readonly<Record<string, unknown>>): Fields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, convert(value)]));
}

function convert(value: unknown): Stored {
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== "object" || value === null) return value as Stored;
  const { id } = value as { id?: unknown };
  return typeof id === "string" ? { $ref: id } : (value as Stored);
}
