// The names of the actions that change a ticket's status, and of the reasons for closing.
import { m } from "../../shared/messages";

export type Action =
  | "START"
  | "AWAIT_CUSTOMER"
  | "HOLD"
  | "RESUME"
  | "RESOLVE"
  | "CLOSE"
  | "REOPEN";
export type CloseReason = "RESOLVED" | "WITHDRAWN" | "DUPLICATE" | "SPAM" | "INVALID" | "ABANDONED";

export const ACTION_NAMES: Readonly<Record<Action, () => string>> = {
  START: m.ticket_action_start,
  AWAIT_CUSTOMER: m.ticket_action_await,
  HOLD: m.ticket_action_hold,
  RESUME: m.ticket_action_resume,
  RESOLVE: m.ticket_action_resolve,
  CLOSE: m.ticket_action_close,
  REOPEN: m.ticket_action_reopen,
};

export const CLOSE_REASONS: Readonly<Record<CloseReason, () => string>> = {
  RESOLVED: m.ticket_close_resolved,
  WITHDRAWN: m.ticket_close_withdrawn,
  DUPLICATE: m.ticket_close_duplicate,
  SPAM: m.ticket_close_spam,
  INVALID: m.ticket_close_invalid,
  ABANDONED: m.ticket_close_abandoned,
};
