// The actions that change a ticket's status, and what each one needs.
import { m } from "../../shared/messages";
import type { TicketStatus } from "../documents";
import { ACTION_NAMES, type Action, type CloseReason } from "../parts/action-names";
import type { TicketChanges } from "./changes";
import { AWAIT_CUSTOMER, CLOSE, HOLD, REOPEN, RESUME, START } from "./mutations";

interface ActionDefinition {
  /** The status that the ticket has after it. */
  readonly newStatus: TicketStatus;
  /** Whether it needs a text or a choice first. */
  readonly needsInput: boolean;
}

export const ACTIONS: Readonly<Record<Action, ActionDefinition>> = {
  START: { newStatus: "OPEN", needsInput: false },
  AWAIT_CUSTOMER: { newStatus: "WAITING_ON_CUSTOMER", needsInput: false },
  HOLD: { newStatus: "ON_HOLD", needsInput: true },
  RESUME: { newStatus: "OPEN", needsInput: false },
  RESOLVE: { newStatus: "RESOLVED", needsInput: true },
  CLOSE: { newStatus: "CLOSED", needsInput: true },
  REOPEN: { newStatus: "OPEN", needsInput: true },
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
  const title = m.ticket_not_done({ action: ACTION_NAMES[action]() });
  const options = { optimisticValues: { status: ACTIONS[action].newStatus } };
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
