// What a report covers. It is in the address, so that a link shows the same report.

export const GROUPS_BY = ["TEAM", "CATEGORY", "ASSIGNEE", "PRIORITY", "ORGANIZATION"] as const;
export type GroupBy = (typeof GROUPS_BY)[number];
export const PRESET_DAYS = [7, 30, 90] as const;
/** Longer reports have weeks: few tickets of each day would make lines that tell nothing. */
const MAX_DAY_GROUPS = 45;
const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d\d-\d\d$/;

export interface Settings {
  /** The number of days up to today; null for `firstDay` to `lastDay`. */
  readonly days: number | null;
  readonly firstDay: string;
  readonly lastDay: string;
  readonly groupBy: GroupBy;
  readonly timeZone: string;
  /** The slug of a team, or empty for all. */
  readonly team: string;
  readonly category: string;
}

/** The day of a time in a time zone, such as 2026-03-29. */
export function dayOf(time: number, timeZone: string): string {
  const options = { year: "numeric", month: "2-digit", day: "2-digit", timeZone } as const;
  const parts = new Intl.DateTimeFormat("en", options).formatToParts(time);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}`; // no locale's form is sure to stay the same
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The number of days from one day to another, with both. */
export function countDays(firstDay: string, lastDay: string): number {
  return Math.round((Date.parse(lastDay) - Date.parse(firstDay)) / DAY_MS) + 1;
}

/** Days if the report is short enough for them, otherwise weeks. */
export function stepOf({ firstDay, lastDay }: Settings): "DAY" | "WEEK" {
  return countDays(firstDay, lastDay) <= MAX_DAY_GROUPS ? "DAY" : "WEEK";
}

/** Whether the report ends today, so that its volume can be followed. */
export function isLive({ lastDay, timeZone }: Settings, now: number): boolean {
  return lastDay === dayOf(now, timeZone);
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Read the settings of an address. What is missing or wrong has its first value. */
export function readSettings(search: URLSearchParams, now: number, ownTimeZone: string): Settings {
  const zone = search.get("zone") ?? "";
  const timeZone = zone !== "" && isTimeZone(zone) ? zone : ownTimeZone;
  const [from, to] = [search.get("from") ?? "", search.get("to") ?? ""];
  const isCustom = [from, to].every((each) => DATE.test(each) && !Number.isNaN(Date.parse(each)));
  const given = Number(search.get("days"));
  const days = isCustom ? null : (PRESET_DAYS.find((each) => each === given) ?? 30);
  const today = dayOf(now, timeZone);
  const by = search.get("by");
  return {
    days,
    firstDay: days === null ? from : addDays(today, 1 - days),
    lastDay: days === null ? to : today,
    groupBy: GROUPS_BY.find((each) => each === by) ?? "TEAM",
    timeZone,
    team: search.get("of-team") ?? "",
    category: search.get("of-category") ?? "",
  };
}

/** The address of settings, without first values. */
export function writeSettings(settings: Settings, ownTimeZone: string): URLSearchParams {
  const search = new URLSearchParams();
  if (settings.days === null) {
    search.set("from", settings.firstDay);
    search.set("to", settings.lastDay);
  } else if (settings.days !== 30) search.set("days", String(settings.days));
  if (settings.groupBy !== "TEAM") search.set("by", settings.groupBy);
  if (settings.timeZone !== ownTimeZone) search.set("zone", settings.timeZone);
  if (settings.team) search.set("of-team", settings.team);
  if (settings.category) search.set("of-category", settings.category);
  return search;
}
