// The actions that change a ticket's status, and what each one needs.
import { m } from "../../shared/messages";
import type { TicketStatus } from "../documents";
import type { TicketChanges } from "./changes";
import type { TicketDetails } from "./documents";
import { AWAIT_CUSTOMER, CLOSE, HOLD, REOPEN, RESUME, START } from "./mutations";

export type Action = TicketDetails["allowedActions"][number];
export type CloseReason = "RESOLVED" | "WITHDRAWN" | "DUPLICATE" | "SPAM" | "INVALID" | "ABANDONED";

interface ActionTexts {
  readonly title: () => string;
  readonly expected: TicketStatus;
  /** Whether it needs a text or a choice first. */
  readonly needsInput: boolean;
}

export const ACTIONS: Readonly<Record<Action, ActionTexts>> = {
  START: { title: m.ticket_action_start, expected: "OPEN", needsInput: false },
  AWAIT_CUSTOMER: {
    title: m.ticket_action_await,
    expected: "WAITING_ON_CUSTOMER",
    needsInput: false,
  },
  HOLD: { title: m.ticket_action_hold, expected: "ON_HOLD", needsInput: true },
  RESUME: { title: m.ticket_action_resume, expected: "OPEN", needsInput: false },
  RESOLVE: { title: m.ticket_action_resolve, expected: "RESOLVED", needsInput: true },
  CLOSE: { title: m.ticket_action_close, expected: "CLOSED", needsInput: true },
  REOPEN: { title: m.ticket_action_reopen, expected: "OPEN", needsInput: true },
};

export const CLOSE_REASONS: Readonly<Record<CloseReason, () => string>> = {
  RESOLVED: m.ticket_close_resolved,
  WITHDRAWN: m.ticket_close_withdrawn,
  DUPLICATE: m.ticket_close_duplicate,
  SPAM: m.ticket_close_spam,
  INVALID: m.ticket_close_invalid,
  ABANDONED: m.ticket_close_abandoned,
};

/** What a person gives with an action, as far as it needs that. */
export interface ActionInput {
  /** The end of a hold, in local time as `datetime-local` has it; empty for no end. */
  readonly until: string;
  /** The reason for closing; empty for none. */
  readonly closeReason: CloseReason | "";
  /** The reason for reopening. */
  readonly reason: string;
}

/** Run an action other than RESOLVE, which has a form of its own. */
export function runAction(
  changes: TicketChanges,
  action: Exclude<Action, "RESOLVE">,
  { until, closeReason, reason }: ActionInput,
): Promise<boolean> {
  const title = m.ticket_not_done({ action: ACTIONS[action].title() });
  const options = { expected: { status: ACTIONS[action].expected } };
  switch (action) {
    case "HOLD": {
      const end = until === "" ? null : new Date(until).toISOString();
      return changes.run("status", title, HOLD, { until: end }, options);
    }
    case "CLOSE":
      return changes.run("status", title, CLOSE, { reason: closeReason || null }, options);
    case "REOPEN":
      return changes.run("status", title, REOPEN, { reason }, options);
    default: {
      const document = { START, AWAIT_CUSTOMER, RESUME }[action];
      return changes.run("status", title, document, {}, options);
    }
  }
}
