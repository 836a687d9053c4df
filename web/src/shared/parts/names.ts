// The names of statuses and priorities.
import type { graphql } from "../graphql";
import { m } from "../messages";

export type Priority = ReturnType<typeof graphql.scalar<"TicketPriority">>;
export type TicketStatus = ReturnType<typeof graphql.scalar<"TicketStatus">>;

const PRIORITIES = {
  LOW: m.parts_priority_low,
  NORMAL: m.parts_priority_normal,
  HIGH: m.parts_priority_high,
  URGENT: m.parts_priority_urgent,
} as const;
const STATUSES = {
  NEW: m.parts_status_new,
  OPEN: m.parts_status_open,
  WAITING_ON_CUSTOMER: m.parts_status_waiting,
  ON_HOLD: m.parts_status_on_hold,
  RESOLVED: m.parts_status_resolved,
  CLOSED: m.parts_status_closed,
} as const;

/** The most urgent one first. */
export const PRIORITY_ORDER: readonly Priority[] = ["URGENT", "HIGH", "NORMAL", "LOW"];

export function priorityName(priority: Priority): string {
  return PRIORITIES[priority]();
}

export function statusName(status: TicketStatus): string {
  return STATUSES[status]();
}
