// How times and numbers are written. One formatter of a kind serves all rows: each takes long to create.
import { FORMAT } from "../messages";

export const NUMBER = new Intl.NumberFormat(FORMAT);
/** "12:05" */
export const CLOCK = new Intl.DateTimeFormat(FORMAT, { timeStyle: "short" });
/** "12:05:09" */
export const EXACT_CLOCK = new Intl.DateTimeFormat(FORMAT, { timeStyle: "medium" });
/** Within this year. With 24 hours, the hour has two digits, as everywhere else. */
export const DATE_TIME_OF_YEAR = new Intl.DateTimeFormat(FORMAT, {
  day: "numeric",
  month: "short",
  hour: CLOCK.resolvedOptions().hour12 ? "numeric" : "2-digit",
  minute: "2-digit",
});
export const DATE_TIME = new Intl.DateTimeFormat(FORMAT, { dateStyle: "medium", timeStyle: "short" });
export const EXACT_DATE_TIME = new Intl.DateTimeFormat(FORMAT, {
  dateStyle: "medium",
  timeStyle: "medium",
});
/** A day without a time of day, whose instant is the midnight in UTC. */
export const DAY = new Intl.DateTimeFormat(FORMAT, { dateStyle: "medium", timeZone: "UTC" });
