// What can follow a reply in the same step, and whether the next ticket opens afterwards.
import { m } from "../../shared/messages";
import type { TicketDetails } from "../ticket-documents";

type Allowed = TicketDetails["allowedActions"][number];

const SETTING = "ticketwire-open-next";
const OBSTACLES = {
  AWAIT_CUSTOMER: m.composer_obstacle_wait,
  RESOLVE: m.composer_obstacle_resolve,
  HOLD: m.composer_obstacle_hold,
} as const;

class NextTicket {
  private enabled = $state(localStorage.getItem(SETTING) === "on");

  /** Whether the next ticket of the list opens after a message was sent. */
  get isOn(): boolean {
    return this.enabled;
  }

  set isOn(value: boolean) {
    this.enabled = value;
    localStorage.setItem(SETTING, value ? "on" : "off");
  }
}

export const nextTicket = new NextTicket();

/** Why a ticket does not permit an action; empty if it does. */
export function obstacleOf(ticket: TicketDetails, action: Allowed & keyof typeof OBSTACLES): string {
  if (ticket.allowedActions.includes(action)) return "";
  const isWaiting = ticket.status === "WAITING_ON_CUSTOMER" && action === "AWAIT_CUSTOMER";
  return isWaiting ? "" : OBSTACLES[action]();
}

/** Nine o'clock of the next day, as the value of a datetime-local control. */
export function tomorrowMorning(now: number): string {
  const date = new Date(now);
  date.setDate(date.getDate() + 1);
  const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${year}-${twoDigits(month)}-${twoDigits(day)}T09:00`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
