// How a past time is written: the form that is short and still exact enough.
const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

export type Form = "now" | "minutes" | "hours" | "date" | "date of another year";

/** The form of a time, and the number in it. The times are in milliseconds. */
export function elapsed(at: number, now: number): { readonly form: Form; readonly count: number } {
  const seconds = Math.round((now - at) / 1000);
  if (seconds < MINUTE_SECONDS) return { form: "now", count: 0 };
  if (seconds < HOUR_SECONDS) return { form: "minutes", count: Math.floor(seconds / MINUTE_SECONDS) };
  if (seconds < DAY_SECONDS) return { form: "hours", count: Math.floor(seconds / HOUR_SECONDS) };
  const isOfYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return { form: isOfYear ? "date" : "date of another year", count: 0 };
}
