// The SLA clock that a row shows, in words.
import { m } from "../../shared/messages";
import type { SlaClock, TicketStatus } from "../documents";

export interface SlaText {
  readonly text: string;
  readonly tone: "grey" | "warning" | "danger";
}

const RUNNING = new Set(["PENDING", "AT_RISK", "BREACHED"]);
const METRICS = {
  FIRST_RESPONSE: m.parts_sla_first_response,
  NEXT_RESPONSE: m.parts_sla_next_response,
  RESOLUTION: m.parts_sla_resolution,
} as const;
const PAUSE_REASONS: Partial<Record<TicketStatus, () => string>> = {
  WAITING_ON_CUSTOMER: m.parts_sla_waiting_for_customer,
  ON_HOLD: m.parts_sla_on_hold,
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
    // While a change of the status is on its way, the reason is not known.
    const reason = PAUSE_REASONS[status]?.();
    const isExact = exact && reason !== undefined;
    const text = isExact ? m.parts_sla_paused_because({ reason }) : m.parts_sla_paused();
    return { text, tone: "grey" };
  }
  const left = Date.parse(clock.breachesAt ?? "") - now;
  if (left < 0) {
    const text = m.parts_sla_overdue({ duration: durationText(-left, exact) });
    return { text, tone: "danger" };
  }
  const isAtRisk = clock.atRiskAt !== null && now >= Date.parse(clock.atRiskAt);
  return { text: durationText(left, exact), tone: isAtRisk ? "warning" : "grey" };
}

export function metricName(metric: SlaClock["metric"]): string {
  return METRICS[metric]();
}

/** "3 d 4 h", "2 h 14 m" or "12 m"; with seconds below a day if it is exact. */
export function durationText(milliseconds: number, exact: boolean): string {
  const total = Math.floor(milliseconds / 1000);
  const [days, hours] = [Math.floor(total / 86_400), Math.floor(total / 3600) % 24];
  const minutes = Math.floor(total / 60) % 60;
  if (days >= 7) return m.parts_duration_days({ days });
  if (days > 0) return m.parts_duration_days_hours({ days, hours });
  const duration =
    hours > 0
      ? m.parts_duration_hours_minutes({ hours, minutes: pad(minutes) })
      : m.parts_duration_minutes({ minutes });
  return exact ? m.parts_duration_seconds({ duration, seconds: pad(total % 60) }) : duration;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
