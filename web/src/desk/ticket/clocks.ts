// The SLA clocks of a ticket in words.
import { m } from "../../shared/messages";
import type { SlaClock, TicketStatus } from "../documents";
import { durationText, slaText, type SlaText } from "../parts/sla";
import type { Clock } from "../ticket-documents";

type Reason = Clock["ledger"][number]["reason"];

const ENDED = {
  ACHIEVED: { text: m.ticket_clock_achieved, tone: "grey" },
  ACHIEVED_LATE: { text: m.ticket_clock_achieved_late, tone: "danger" },
  CANCELLED: { text: m.ticket_clock_cancelled, tone: "grey" },
} as const;
const REASONS: Readonly<Record<Reason, () => string>> = {
  WORKING: m.ticket_interval_working,
  OUTSIDE_HOURS: m.ticket_interval_outside_hours,
  HOLIDAY: m.ticket_interval_holiday,
  WAITING_ON_CUSTOMER: m.ticket_interval_waiting,
  ON_HOLD: m.ticket_interval_on_hold,
  ENDED: m.ticket_interval_ended,
};

/** The positions of the clocks to show: those that run or pause, and the last of each target. */
export function shownClocks(clocks: readonly SlaClock[]): number[] {
  const positions = [...clocks.keys()];
  const isLater = (position: number, clock: SlaClock): boolean =>
    clocks.slice(position + 1).some((each) => each.metric === clock.metric);
  return positions.filter((position) => {
    const clock = clocks[position]!;
    return !(clock.status in ENDED) || !isLater(position, clock);
  });
}

/** The time that is left with seconds, the reason of a pause, or how the clock has ended. */
export function clockText(clock: SlaClock, status: TicketStatus, now: number): SlaText {
  if (clock.status in ENDED) {
    const { text, tone } = ENDED[clock.status as keyof typeof ENDED];
    return { text: text(), tone };
  }
  return slaText(clock, status, now, true);
}

export function reasonText(reason: Reason): string {
  return REASONS[reason]();
}

/** An ISO 8601 duration such as P1DT4H in words. */
export function isoDurationText(duration: string): string {
  const pattern = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/;
  const parts = pattern.exec(duration)?.slice(1).map((each) => Number(each ?? 0)) ?? [];
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts;
  const total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds;
  return durationText(total * 1000, false);
}
