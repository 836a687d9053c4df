// The kinds of records in the audit log: their names, and the sections that show them.
import { m } from "../../shared/messages";
import { hrefOf } from "../base/router.svelte";
import type { AuditEntry } from "./documents";

type Kind = NonNullable<AuditEntry["recordKind"]>;

export const KINDS: Readonly<Record<Kind, () => string>> = {
  USER: m.admin_people,
  ORGANIZATION: m.admin_organizations,
  TEAM: m.admin_teams,
  CATEGORY: m.admin_categories,
  API_CLIENT: m.admin_clients,
  API_TOKEN: m.admin_tokens,
  SLA_POLICY: m.admin_policies,
  SLA_CALENDAR: m.admin_calendars,
  ESCALATION_PATH: m.admin_paths,
  SAVED_VIEW: m.admin_views,
  MACRO: m.admin_macros,
  CUSTOM_FIELD: m.admin_fields,
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
  RETENTION_POLICY: "retention",
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
