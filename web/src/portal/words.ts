// What happens with a ticket, in words for customers.
import { FORMAT, m } from "../shared/messages";
import { CLOCK, DATE_TIME } from "../shared/time/formats";
import type { TicketStatus } from "../shared/parts/names";
import type { Clock, Row } from "./documents";

const STATUSES = {
  NEW: m.portal_status_new,
  OPEN: m.portal_status_open,
  WAITING_ON_CUSTOMER: m.portal_status_waiting,
  ON_HOLD: m.portal_status_on_hold,
  RESOLVED: m.portal_status_resolved,
  CLOSED: m.portal_status_closed,
} as const;
const DATE = new Intl.DateTimeFormat(FORMAT, { dateStyle: "long" });

/** What the ticket waits for, for example "We need your answer". */
export function statusText({ status, heldUntil = null }: StatusOf): string {
  if (status === "ON_HOLD" && heldUntil !== null)
    return m.portal_status_held({ time: momentText(heldUntil, Date.now()) });
  return STATUSES[status]();
}

type StatusOf = { readonly status: TicketStatus; readonly heldUntil?: string | null };

/** "16:00" today, otherwise with the date. */
export function momentText(at: string, now: number): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return (isToday ? CLOCK : DATE_TIME).format(date);
}

export function dayText(at: string): string {
  return DATE.format(new Date(at));
}

const TARGETS = {
  FIRST_RESPONSE: {
    due: m.portal_sla_first_due,
    late: m.portal_sla_first_late,
    done: m.portal_sla_first_done,
    doneLate: m.portal_sla_first_done_late,
    paused: m.portal_sla_first_paused,
  },
  NEXT_RESPONSE: {
    due: m.portal_sla_next_due,
    late: m.portal_sla_next_late,
    done: m.portal_sla_next_done,
    doneLate: m.portal_sla_next_done_late,
    paused: m.portal_sla_next_paused,
  },
  RESOLUTION: {
    due: m.portal_sla_solution_due,
    late: m.portal_sla_solution_late,
    done: m.portal_sla_solution_done,
    doneLate: m.portal_sla_solution_done_late,
    paused: m.portal_sla_solution_paused,
  },
} as const;

/** Whether a target has been reached, is still due, or has passed. */
export type TargetState = "due" | "late" | "done" | "doneLate" | "paused";

export function targetState(clock: Clock, now: number): TargetState | null {
  switch (clock.status) {
    case "ACHIEVED":
      return "done";
    case "ACHIEVED_LATE":
      return "doneLate";
    case "PAUSED":
      return "paused";
    case "CANCELLED":
      return null;
    default:
      if (clock.breachesAt === null) return null; // there is no working time until then
      return Date.parse(clock.breachesAt) > now ? "due" : "late";
  }
}

/** A target and its state, for example "First answer by 16:00"; empty if it does not count any more. */
export function targetText(clock: Clock, now: number): string {
  const state = targetState(clock, now);
  if (state === null) return "";
  const at = (state === "done" || state === "doneLate" ? clock.achievedAt : clock.breachesAt) ?? "";
  return TARGETS[clock.metric][state]({ time: at === "" ? "" : momentText(at, now) });
}

/** What the customer can expect next; empty if nothing is promised. */
export function promiseText(row: Row, now: number): string {
  const running = row.clocks.filter((each) => {
    const state = targetState(each, now);
    return state === "due" || state === "late";
  });
  running.sort((a, b) => Date.parse(a.breachesAt ?? "") - Date.parse(b.breachesAt ?? ""));
  return running[0] === undefined ? "" : targetText(running[0], now);
}
