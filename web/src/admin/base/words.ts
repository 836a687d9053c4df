// The names of what the schema enumerates.
import { FORMAT, m } from "../../shared/messages";
import { PRIORITY_ORDER, priorityName } from "../../shared/parts/names";
import type { Choice, StepValue } from "./field";
import { readDuration } from "./values";

type Names = Readonly<Record<string, () => string>>;

export const ROLES = {
  CUSTOMER: m.admin_role_customer,
  AGENT: m.admin_role_agent,
  ADMIN: m.admin_role_admin,
} satisfies Names;
export const AUDIENCES = {
  EVERYONE: m.admin_audience_everyone,
  TEAM: m.admin_audience_team,
  PERSONAL: m.admin_audience_personal,
} satisfies Names;
export const METRICS = {
  FIRST_RESPONSE: m.parts_sla_first_response,
  NEXT_RESPONSE: m.parts_sla_next_response,
  RESOLUTION: m.parts_sla_resolution,
} satisfies Names;
export const TRIGGERS = {
  ESCALATED: m.admin_trigger_escalated,
  SLA_AT_RISK: m.admin_trigger_at_risk,
  SLA_BREACHED: m.admin_trigger_breached,
  UNTOUCHED: m.admin_trigger_untouched,
} satisfies Names;
export const STEP_ACTIONS = {
  NOTIFY_ASSIGNEE: m.admin_step_notify_assignee,
  NOTIFY_TEAM: m.admin_step_notify_team,
  NOTIFY_ADMINS: m.admin_step_notify_admins,
  RAISE_PRIORITY: m.admin_step_raise,
  REASSIGN: m.admin_step_reassign,
  TRANSFER: m.admin_step_transfer,
} satisfies Names;
export const STATUS_ACTIONS = {
  START: m.admin_status_start,
  AWAIT_CUSTOMER: m.admin_status_await,
  HOLD: m.admin_status_hold,
  RESOLVE: m.admin_status_resolve,
  CLOSE: m.admin_status_close,
} satisfies Names;
export const CLOSE_REASONS = {
  RESOLVED: m.parts_status_resolved,
  WITHDRAWN: m.admin_reason_withdrawn,
  DUPLICATE: m.admin_reason_duplicate,
  SPAM: m.admin_reason_spam,
  INVALID: m.admin_reason_invalid,
  ABANDONED: m.admin_reason_abandoned,
} satisfies Names;
export const ASSIGNMENTS = {
  APPLIER: m.admin_assign_applier,
  PERSON: m.admin_assign_person,
  NOBODY: m.admin_assign_nobody,
} satisfies Names;
export const FIELD_TYPES = {
  TEXT: m.admin_type_text,
  NUMBER: m.admin_type_number,
  BOOLEAN: m.admin_type_boolean,
  DATE: m.admin_type_date,
  SELECT: m.admin_type_select,
  MULTI_SELECT: m.admin_type_multi,
} satisfies Names;
export const REQUIREMENTS = {
  CREATION: m.admin_required_creation,
  RESOLUTION: m.admin_required_resolution,
} satisfies Names;
export const ACCESSES = {
  HIDDEN: m.admin_access_hidden,
  VISIBLE: m.admin_access_visible,
  EDITABLE: m.admin_access_editable,
} satisfies Names;

export function choicesOf(names: Names): readonly Choice[] {
  return Object.entries(names).map(([id, name]) => ({ id, label: name() }));
}

export function priorities(): readonly Choice[] {
  return PRIORITY_ORDER.map((id) => ({ id, label: priorityName(id) }));
}

/** From Monday to Sunday. */
export function dayNames(): readonly string[] {
  const format = new Intl.DateTimeFormat(FORMAT, { weekday: "long", timeZone: "UTC" });
  return [...Array(7).keys()].map((day) => format.format(Date.UTC(2024, 0, 1 + day)));
}

export function newStep(key: number): StepValue {
  return { key, after: { amount: "0", unit: "M" }, action: "NOTIFY_TEAM", team: "", person: null };
}

const UNITS = { S: "second", M: "minute", H: "hour", D: "day" } as const;

/** An ISO 8601 duration in words, such as "4 hr"; "" for null. */
export function durationText(text: string | null): string {
  const { amount, unit } = readDuration(text);
  if (amount === "") return "";
  return new Intl.NumberFormat(FORMAT, { style: "unit", unit: UNITS[unit] }).format(Number(amount));
}
