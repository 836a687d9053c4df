import { storageKey } from "./document.js";
import type { Selection, Variables } from "./document.js";

/** A value as the store keeps it: JSON, with references in place of records. */
export type Stored =
  null | boolean | number | string | readonly Stored[] | { readonly [key: string]: Stored };

/** The fields of a record by their keys in the store. */
export type Fields = Record<string, Stored>;

/** The place of a record within another one. */
interface Reference extends Readonly<Record<string, Stored>> {
  readonly $ref: string;
}

/** The records of a response. A record that the response has several times is listed each time. */
export interface Normalized {
  /** The root fields of the operation. */
  readonly root: Fields;
  readonly records: ReadonlyArray<{
    readonly id: string;
    readonly version: number | undefined;
    readonly fields: Fields;
  }>;
}

export function isReference(value: unknown): value is Reference {
  return (
    typeof value === "object" && value !== null && typeof (value as Reference).$ref === "string"
  );
}

/** Splits the data of a response into records by the selections of its operation. */
export function normalize(
  selections: readonly Selection[],
  variables: Variables,
  data: object,
): Normalized {
  const records: Array<Normalized["records"][number]> = [];

  function readFields(children: readonly Selection[], object: object): Fields {
    const fields: Fields = {};
    for (const child of children) {
      const value = (object as Record<string, unknown>)[child.responseKey];
      if (value !== undefined) fields[storageKey(child, variables)] = convert(child, value);
    }
    return fields;
  }

  function convert(selection: Selection, value: unknown): Stored {
    if (value === null || selection.children === null) return value as Stored;
    if (Array.isArray(value)) return value.map((each) => convert(selection, each));
    const fields = readFields(selection.children, value as object);
    const { id } = value as { id?: unknown };
    if (!selection.isRecord || typeof id !== "string") return fields;
    const version = typeof fields.version === "number" ? fields.version : undefined;
    records.push({ id, version, fields });
    return { $ref: id };
  }

  return { root: readFields(selections, data), records };
}

/**
 * Returns a stored field, or undefined if the store doesn't have it. With `isConfirmed`, the value
 * without optimistic changes.
 */
export type FieldReader = (id: string, key: string, isConfirmed?: boolean) => Stored | undefined;

/**
 * Builds the object that a selection describes from the records of the store.
 *
 * Returns undefined if a field is missing. Adds the ids of all records that it reads to `ids`. An
 * optimistic change to a record that is known only partly is not shown.
 */
export function readRecord(
  id: string,
  selections: readonly Selection[],
  variables: Variables,
  readField: FieldReader,
  ids: Set<string>,
): object | undefined {
  function build(
    children: readonly Selection[],
    fieldOf: (key: string, isConfirmed?: boolean) => Stored | undefined,
  ): object | undefined {
    const object: Record<string, unknown> = {};
    for (const child of children) {
      const key = storageKey(child, variables);
      const stored = fieldOf(key);
      let value = restore(child, stored);
      if (value === undefined && stored !== undefined) {
        const confirmed = fieldOf(key, true);
        if (confirmed !== stored) value = restore(child, confirmed);
      }
      if (value !== undefined) object[child.responseKey] = value;
      else if (!child.isOptional || stored !== undefined) return undefined;
    }
    return object;
  }

  function restore(selection: Selection, stored: Stored | undefined): unknown {
    if (stored === undefined || stored === null || selection.children === null) return stored;
    if (Array.isArray(stored)) {
      const items = stored.map((each: Stored) => restore(selection, each));
      return items.includes(undefined) ? undefined : items;
    }
    if (!isReference(stored)) return build(selection.children, (key) => (stored as Fields)[key]);
    ids.add(stored.$ref);
    return build(selection.children, (key, isConfirmed) =>
      readField(stored.$ref, key, isConfirmed),
    );
  }

  ids.add(id);
  return build(selections, (key, isConfirmed) => readField(id, key, isConfirmed));
}

/** Tells whether two JSON values are equal. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => key in b && isEqual((a as Fields)[key], (b as Fields)[key]));
}

/**
 * Returns `next` with each part that equals `previous` replaced by it, so that identity shows
 * changes.
 */
export function shareStructure<T>(previous: unknown, next: T): T {
  if (isEqual(previous, next)) return previous as T;
  if (
    typeof previous !== "object" ||
    typeof next !== "object" ||
    previous === null ||
    next === null
  )
    return next;
  if (Array.isArray(next)) {
    return Array.isArray(previous)
      ? (next.map((each, index) => shareStructure(previous[index], each)) as T)
      : next;
  }
  const entries = Object.entries(next).map(([key, value]) => [
    key,
    shareStructure((previous as Fields)[key], value),
  ]);
  return Object.fromEntries(entries) as T;
}
