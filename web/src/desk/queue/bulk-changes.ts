// The bulk changes that a person can choose, and their names.
import { m } from "../../shared/messages";
import { ACTION_NAMES, CLOSE_REASONS } from "../parts/action-names";
import type { Priority } from "../../shared/parts/names";
import type { BulkChange } from "../list/bulk-documents";
import { ME, NOBODY, type Choice } from "../list/choices";

/** Customers read it, so a person must write it. */
export type TextField = "resolution" | "reopenReason";

interface StatusChoice extends Choice {
  readonly change: BulkChange;
  readonly text?: TextField;
}

/** A duplicate needs the other ticket, so it is merged instead. */
const REASONS = ["RESOLVED", "WITHDRAWN", "SPAM", "INVALID", "ABANDONED"] as const;
const detail = m.queue_not_undoable();

export const STATUS_CHOICES: readonly StatusChoice[] = [
  { id: "START", label: ACTION_NAMES.START(), change: { action: "START" }, detail },
  { id: "AWAIT", label: ACTION_NAMES.AWAIT_CUSTOMER(), change: { action: "AWAIT_CUSTOMER" } },
  { id: "HOLD", label: ACTION_NAMES.HOLD(), change: { action: "HOLD" } },
  { id: "RESUME", label: ACTION_NAMES.RESUME(), change: { action: "RESUME" } },
  {
    ...{ id: "RESOLVE", label: `${ACTION_NAMES.RESOLVE()} …`, detail },
    ...{ change: { action: "RESOLVE" }, text: "resolution" },
  },
  {
    ...{ id: "REOPEN", label: `${ACTION_NAMES.REOPEN()} …`, detail },
    ...{ change: { action: "REOPEN" }, text: "reopenReason" },
  },
  ...REASONS.map((closeReason) => ({
    id: closeReason,
    label: `${ACTION_NAMES.CLOSE()}: ${CLOSE_REASONS[closeReason]()}`,
    change: { action: "CLOSE", closeReason } as const,
    detail,
  })),
];

export function assigneeChange(choice: Choice, viewerId: string): BulkChange {
  if (choice.id === NOBODY) return { assigneeId: null };
  return { assigneeId: choice.id === ME ? viewerId : choice.id };
}

export function priorityChange({ id }: Choice): BulkChange {
  return { priority: id as Priority };
}

