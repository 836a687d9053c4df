// The bulk changes that a person can choose, and their names.
import { m } from "../../shared/messages";
import type { Priority } from "../../shared/parts/names";
import type { BulkChange } from "./bulk-documents";
import { ME, NOBODY, type Choice } from "./choices";

/** Customers read it, so a person must write it. */
export type TextField = "resolution" | "reopenReason";

interface StatusChoice extends Choice {
  readonly change: BulkChange;
  readonly text?: TextField;
}

const REASONS = {
  RESOLVED: m.queue_reason_resolved,
  WITHDRAWN: m.queue_reason_withdrawn,
  SPAM: m.queue_reason_spam,
  INVALID: m.queue_reason_invalid,
  ABANDONED: m.queue_reason_abandoned,
} as const;
const detail = m.queue_not_undoable();

export const STATUS_CHOICES: readonly StatusChoice[] = [
  { id: "START", label: m.queue_action_start(), change: { action: "START" }, detail },
  { id: "AWAIT", label: m.queue_action_await(), change: { action: "AWAIT_CUSTOMER" } },
  { id: "HOLD", label: m.queue_action_hold(), change: { action: "HOLD" } },
  { id: "RESUME", label: m.queue_action_resume(), change: { action: "RESUME" } },
  {
    ...{ id: "RESOLVE", label: `${m.queue_action_resolve()} …`, detail },
    ...{ change: { action: "RESOLVE" }, text: "resolution" },
  },
  {
    ...{ id: "REOPEN", label: `${m.queue_action_reopen()} …`, detail },
    ...{ change: { action: "REOPEN" }, text: "reopenReason" },
  },
  ...(Object.keys(REASONS) as (keyof typeof REASONS)[]).map((closeReason) => ({
    id: closeReason,
    label: m.queue_action_close({ reason: REASONS[closeReason]() }),
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

