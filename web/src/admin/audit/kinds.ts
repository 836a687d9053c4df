// The kinds of records in the audit log: their names, and the sections that show them.
import { m } from "../../shared/messages";
import { hrefOf } from "../base/router.svelte";
import type { AuditEntry } from "./documents";

type Kind = NonNullable<AuditEntry["recordKind"]>;

export const KINDS: Readonly<Record<Kind, () => string>> = {
  USER: m.admin_kind_user,
  ORGANIZATION: m.admin_organization,
  TEAM: m.admin_team,
  CATEGORY: m.admin_category,
  API_CLIENT: m.admin_kind_client,
  API_TOKEN: m.admin_kind_token,
  SLA_POLICY: m.admin_kind_policy,
  SLA_CALENDAR: m.admin_calendar,
  ESCALATION_PATH: m.admin_kind_path,
  SAVED_VIEW: m.admin_kind_view,
  MACRO: m.admin_kind_macro,
  CUSTOM_FIELD: m.admin_kind_field,
  RETENTION_POLICY: m.admin_kind_retention,
  WALL_SCREEN: m.admin_kind_screen,
  WEBHOOK: m.admin_kind_webhook,
};
const SECTIONS: Partial<Record<Kind, string>> = {
  USER: "people",
  ORGANIZATION: "organizations",
  TEAM: "teams",
  CATEGORY: "categories",
  API_CLIENT: "clients",
  SLA_POLICY: "sla",
  SLA_CALENDAR: "calendars",
  ESCALATION_PATH: "escalation",
  SAVED_VIEW: "views",
  MACRO: "macros",
  CUSTOM_FIELD: "fields",
};

/** The page of the record; null if there is none. */
export function hrefOfRecord({ record, recordKind }: AuditEntry): string | null {
  const section = recordKind === null ? undefined : SECTIONS[recordKind];
  return record === null || section === undefined ? null : hrefOf(section, record.id);
}

export function nameOfRecord({ record, recordKind }: AuditEntry): string {
  if (record !== null) {
    if ("displayName" in record) return record.displayName;
    if ("name" in record) return record.name;
    if ("label" in record) return record.label;
  }
  return recordKind === null ? "" : KINDS[recordKind]();
}
