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
  /** The time at which the request was sent, in milliseconds. It decides between equal cursors. */
  readonly sentAt: number;
  /** The record's `version` in the same response, if it was selected. */
  readonly version: number | undefined;
}

/**
 * Tells whether a value replaces another one of the same field.
 *
 * The server reads a value at its cursor or later, so a response with a lower cursor can have the
 * newer value. The version of a record rises with each change, so it decides if both are known.
 */
export function isNewer(candidate: Stamp, current: Stamp): boolean {
  const areVersionsKnown = candidate.version !== undefined && current.version !== undefined;
  if (areVersionsKnown && candidate.version !== current.version) {
    return candidate.version > current.version;
  }
  if (candidate.cursor !== current.cursor) return candidate.cursor > current.cursor;
  return candidate.sentAt >= current.sentAt;
}

/**
 * Combines what two responses prove about a field. The newer value includes everything that the
 * older one includes, so it is as of the later of both cursors.
 */
export function mergeStamps(a: Stamp, b: Stamp): Stamp {
  const versions = [a.version, b.version].filter((version) => version !== undefined);
  return {
    cursor: laterCursor(a.cursor, b.cursor),
    sentAt: Math.max(a.sentAt, b.sentAt),
    version: versions.length ? Math.max(...versions) : undefined,
  };
}
