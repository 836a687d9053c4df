// The SLA clock that a row shows, in words.
import type { SlaClock, TicketStatus } from "../documents";

export interface SlaText {
  readonly text: string;
  readonly tone: "grey" | "warning" | "danger";
}

const RUNNING = new Set(["PENDING", "AT_RISK", "BREACHED"]);
const METRICS = {
  FIRST_RESPONSE: "First response",
  NEXT_RESPONSE: "Next response",
  RESOLUTION: "Resolution",
} as const;
const PAUSE_REASONS: Partial<Record<TicketStatus, string>> = {
  WAITING_ON_CUSTOMER: "waiting for customer",
  ON_HOLD: "on hold",
};

/** The running clock with the earliest deadline; otherwise a paused one. */
export function nextClock(clocks: readonly SlaClock[]): SlaClock | undefined {
  const running = clocks.filter((each) => RUNNING.has(each.status) && each.breachesAt !== null);
  running.sort((a, b) => Date.parse(a.breachesAt ?? "") - Date.parse(b.breachesAt ?? ""));
  return running[0] ?? clocks.find((each) => each.status === "PAUSED");
}

/** The deadlines that were computed: to order 10,000 rows, each is compared many times. */
const deadlines = new WeakMap<readonly SlaClock[], number>();

/** The deadline for the order of a list: milliseconds, or infinity if no clock runs. */
export function deadlineOf(clocks: readonly SlaClock[]): number {
  const known = deadlines.get(clocks);
  if (known !== undefined) return known;
  const clock = nextClock(clocks);
  const isRunning = clock !== undefined && clock.status !== "PAUSED";
  const deadline = isRunning ? Date.parse(clock.breachesAt ?? "") : Infinity;
  deadlines.set(clocks, deadline);
  return deadline;
}

/**
 * The text of a clock, such as "2 h 14 m", "12 m overdue" or "paused". With `exact` it has the
 * seconds, or the reason of the pause: "paused: waiting for customer".
 */
export function slaText(
  clock: SlaClock,
  status: TicketStatus,
  now: number,
  exact: boolean,
): SlaText {
  if (clock.status === "PAUSED") {
    const reason = PAUSE_REASONS[status] ?? "by the server";
    return { text: exact ? `paused: ${reason}` : "paused", tone: "grey" };
  }
  const left = Date.parse(clock.breachesAt ?? "") - now;
  if (left < 0) return { text: `${duration(-left, exact)} overdue`, tone: "danger" };
  const isAtRisk = clock.atRiskAt !== null && now >= Date.parse(clock.atRiskAt);
  return { text: duration(left, exact), tone: isAtRisk ? "warning" : "grey" };
}

export function metricName(metric: SlaClock["metric"]): string {
  return METRICS[metric];
}

/** "3 d 4 h", "2 h 14 m" or "12 m"; with seconds below a day if it is exact. */
function duration(milliseconds: number, exact: boolean): string {
  const seconds = Math.floor(milliseconds / 1000);
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days >= 7) return `${days} d`;
  if (days > 0) return `${days} d ${hours} h`;
  const parts = hours > 0 ? [`${hours} h`, `${pad(minutes)} m`] : [`${minutes} m`];
  if (exact) parts.push(`${pad(seconds % 60)} s`);
  return parts.join(" ");
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
