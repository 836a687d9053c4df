// States and reasons in words, and the types of events in groups.
import { m } from "../../shared/messages";
import type { DeliveryStatus, EventType, Webhook } from "./documents";

export type Tone = "success" | "warning" | "danger" | "accent" | "grey";

export interface Mark {
  readonly sign: string;
  readonly tone: Tone;
  readonly text: string;
}

const REASONS: Record<NonNullable<Webhook["pauseReason"]>, () => string> = {
  REQUESTED: m.webhooks_reason_requested,
  TARGET_FAILING: m.webhooks_reason_failing,
  TARGET_GONE: m.webhooks_reason_gone,
  OWNER_DEACTIVATED: m.webhooks_reason_owner,
  SCOPE_REVOKED: m.webhooks_reason_scope,
  INVALID: m.webhooks_reason_invalid,
};
const STATUSES: Record<DeliveryStatus, [sign: string, tone: Tone, text: () => string]> = {
  PENDING: ["○", "accent", m.webhooks_status_pending],
  DELIVERED: ["✓", "success", m.webhooks_status_delivered],
  RETRYING: ["↻", "warning", m.webhooks_status_retrying],
  FAILED: ["✕", "danger", m.webhooks_status_failed],
};

/** Whether requests are sent, and why not. */
export function markOf({ state, failingSince }: Webhook): Mark {
  if (state === "PAUSED") return { sign: "‖", tone: "warning", text: m.webhooks_state_paused() };
  if (state === "DISABLED") return { sign: "✕", tone: "danger", text: m.webhooks_state_disabled() };
  if (failingSince !== null) return { sign: "▲", tone: "warning", text: m.webhooks_state_failing() };
  return { sign: "✓", tone: "success", text: m.webhooks_state_active() };
}

export function reasonOf(webhook: Webhook): string {
  return webhook.pauseReason === null ? "" : REASONS[webhook.pauseReason]();
}

export function statusMark(status: DeliveryStatus): Mark {
  const [sign, tone, text] = STATUSES[status];
  return { sign, tone, text: text() };
}

/** All types. They have the names of the API, because a receiver gets them as `type`. */
export const TYPE_GROUPS: readonly { title: () => string; types: readonly EventType[] }[] = [
  {
    title: m.webhooks_group_ticket,
    types: [
      ...(["TICKET_CREATED", "TICKET_UPDATED", "STATUS_CHANGED", "ASSIGNED"] as const),
      ...(["TRANSFERRED", "ESCALATED", "LINKED", "UNLINKED", "MERGED", "UNMERGED", "RATED"] as const),
    ],
  },
  {
    title: m.webhooks_group_messages,
    types: [
      ...(["REPLY_ADDED", "NOTE_ADDED", "ATTACHMENT_ADDED", "REPLY_MOVED"] as const),
      ...(["MESSAGE_REDACTED", "TICKET_REDACTED", "DRAFT_PROPOSED"] as const),
    ],
  },
  {
    title: m.webhooks_group_targets,
    types: [
      ...(["SLA_AT_RISK", "SLA_BREACHED", "SLA_ACHIEVED", "SLA_RETARGETED"] as const),
      ...(["ESCALATION_STEP", "REMINDED", "MAIL_FAILED"] as const),
    ],
  },
] satisfies readonly { title: () => string; types: readonly EventType[] }[];

/** The types that a new webhook has at first. */
export const USUAL_TYPES: readonly EventType[] = ["TICKET_CREATED", "REPLY_ADDED", "STATUS_CHANGED"];
