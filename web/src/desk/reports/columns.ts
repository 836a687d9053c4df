// The columns of a report's table and of its CSV file.
import { m } from "../../shared/messages";
import { NUMBER } from "../../shared/time/formats";
import { durationText } from "../parts/sla";
import { secondsOf, type Cell } from "./csv";
import type { Attainment, Group } from "./documents";
import { shareOf } from "./scale";

interface Column {
  /** The name in the CSV file, which does not depend on the language. */
  readonly name: string;
  readonly value: (group: Group) => Cell;
}

export const COLUMNS: readonly Column[] = [
  { name: "key", value: (group) => group.key },
  { name: "label", value: (group) => group.label },
  { name: "tickets", value: (group) => group.created },
  ...(["firstResponse", "firstResponseWorkingTime", "resolution", "resolutionWorkingTime"] as const).flatMap(
    (name): Column[] => [
      { name: `${name}Count`, value: (group) => group[name].count },
      { name: `${name}MedianSeconds`, value: (group) => secondsOf(group[name].median) },
      { name: `${name}Percentile90Seconds`, value: (group) => secondsOf(group[name].percentile90) },
    ],
  ),
  ...(["firstResponseAttainment", "nextResponseAttainment", "resolutionAttainment"] as const).flatMap(
    (name): Column[] => [
      { name: `${name}Met`, value: (group) => group[name].met },
      { name: `${name}Missed`, value: (group) => group[name].missed },
    ],
  ),
  { name: "ratings", value: (group) => group.ratings },
  { name: "averageRating", value: (group) => group.averageRating },
];

export function rowsOf(groups: readonly Group[]): Cell[][] {
  const names = COLUMNS.map((each) => each.name);
  return [names, ...groups.map((group) => COLUMNS.map((each) => each.value(group)))];
}

const PERCENT = new Intl.NumberFormat(NUMBER.resolvedOptions().locale, { style: "percent", maximumFractionDigits: 1 });
const SCORE = new Intl.NumberFormat(NUMBER.resolvedOptions().locale, { maximumFractionDigits: 1 });
export const NONE = "–";

/** A whole number of minutes, hours or days, for an axis: "4 h". */
export function roundTimeText(seconds: number): string {
  if (seconds > 0 && seconds % 86_400 === 0) return m.parts_duration_days({ days: seconds / 86_400 });
  if (seconds > 0 && seconds % 3600 === 0) return m.reports_hours({ hours: seconds / 3600 });
  return m.parts_duration_minutes({ minutes: seconds / 60 });
}

/** "2 h 14 m", or a dash if there is none. */
export function timeText(duration: string | null): string {
  const seconds = secondsOf(duration);
  return seconds === null ? NONE : durationText(seconds * 1000, false);
}

/** "92 % (46 of 50)", or a dash if no target was decided. It is rounded down: 100 % means all. */
export function attainmentText({ met, missed }: Attainment): string {
  const total = met + missed;
  if (total === 0) return NONE;
  const share = PERCENT.format(shareOf(met, total));
  return m.reports_attainment_text({ share, met: NUMBER.format(met), total: NUMBER.format(total) });
}

/** "4.5 (12)": the average, and the number of ratings. */
export function ratingText({ averageRating, ratings }: Group): string {
  return averageRating === null ? NONE : `${SCORE.format(averageRating)} (${NUMBER.format(ratings)})`;
}
