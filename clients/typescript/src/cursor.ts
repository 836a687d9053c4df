/**
 * A position in the server's log, of 16 characters. Comparing two cursors as strings gives their
 * order in the log.
 */
export type Cursor = string;

/** Lower than every cursor of the server. */
export const LOG_START: Cursor = "";

/** Returns the later of two cursors. */
export function laterCursor(a: Cursor, b: Cursor): Cursor {
  return a < b ? b : a;
}

/** States how new a value of a record is. */
export interface Stamp {
  /** Everything in the log up to this cursor is included in the value. */
  readonly cursor: Cursor;
  /** The record's `version` in the same response, if it was selected. */
  readonly version: number | undefined;
  /**
   * The value includes this version of the record, as an older value that it has replaced proves.
   * It may include later ones, so this can only reject a value.
   */
  readonly minVersion?: number | undefined;
  /** No later value of the same version differs. See `isFinal`. */
  readonly isFinal: boolean;
  /**
   * When this tab sent the request and received the value, as step numbers of its store. The server
   * read the value in between. `sentAt` is -Infinity for values that no request of this tab asked
   * for.
   */
  readonly sentAt: number;
  readonly receivedAt: number;
}

/**
 * Tells whether a value replaces another one of the same field.
 *
 * The server reads a value at its cursor or later, so a response with a lower cursor can have the
 * newer value. Three facts are certain: the version of a record rises with each change, a request
 * that was sent after a value had arrived reads a newer one, and a final value is the last one of
 * its version. Otherwise the cursors decide.
 */
export function isNewer(candidate: Stamp, current: Stamp): boolean {
  const areVersionsKnown = candidate.version !== undefined && current.version !== undefined;
  if (areVersionsKnown && candidate.version !== current.version)
    return candidate.version > current.version;
  const { minVersion = 0 } = current;
  if (candidate.version !== undefined && candidate.version < minVersion) return false;
  if (candidate.sentAt > current.receivedAt) return true;
  if (areVersionsKnown && candidate.isFinal !== current.isFinal) return candidate.isFinal;
  if (candidate.cursor !== current.cursor) return candidate.cursor > current.cursor;
  return candidate.sentAt >= current.sentAt;
}

/**
 * Tells whether a value is the last one of a field that its version of the record can have.
 *
 * Read marks are not in the log, so cursors can't order them. But only a new version makes a ticket
 * unread that was read. (The server also forgets old marks. The next request learns that.)
 */
export function isFinal(key: string, value: unknown): boolean {
  return key === "viewerHasUnread" && value === false;
}

/**
 * Combines what two responses prove about a field, of which `newer` has the value. It includes
 * everything that the older one includes, so it is as of the later of both cursors.
 */
export function mergeStamps(newer: Stamp, older: Stamp): Stamp {
  return {
    cursor: laterCursor(newer.cursor, older.cursor),
    version: newer.version,
    isFinal: newer.isFinal,
    minVersion: latest(newer.version, newer.minVersion, older.version, older.minVersion),
    sentAt: Math.max(newer.sentAt, older.sentAt),
    receivedAt: newer.receivedAt,
  };
}

function latest(...versions: ReadonlyArray<number | undefined>): number | undefined {
  const known = versions.filter((version) => version !== undefined);
  return known.length ? Math.max(...known) : undefined;
}
