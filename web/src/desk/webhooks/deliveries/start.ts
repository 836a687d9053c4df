// Where a list of events begins, as a person chooses it.

export interface Start {
  readonly kind: "first" | "time" | "cursor";
  /** The value of a field of the type datetime-local, in the time zone of the browser. */
  readonly time: string;
  readonly cursor: string;
}

/** The cursor before the first event of the log. */
export const FIRST_CURSOR = "0".repeat(16);
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** The last hour. */
export function lastHour(now: number): Start {
  const start = now - HOUR_MS;
  const local = start - new Date(start).getTimezoneOffset() * MINUTE_MS;
  return { kind: "time", time: new Date(local).toISOString().slice(0, 16), cursor: "" };
}

/** The variables of the API: a cursor or a time. */
export function rangeOf({ kind, time, cursor }: Start): { after: string } | { since: string } {
  if (kind === "time") return { since: new Date(time).toISOString() };
  return { after: kind === "first" ? FIRST_CURSOR : cursor.trim() };
}
