// The sections of the administration, in the order of the navigation. Their pages are loaded later.
import { m } from "../../shared/messages";

export interface Entry {
  /** Its part of the path. */
  readonly id: string;
  readonly title: () => string;
  readonly hint: () => string;
}

interface Group {
  readonly title: () => string;
  readonly entries: readonly Entry[];
  /** Pages of the desk that belong here, too. */
  readonly links?: readonly { readonly href: string; readonly title: () => string; readonly hint: () => string }[];
}

export const GROUPS: readonly Group[] = [
  {
    title: m.admin_group_people,
    entries: [
      { id: "people", title: m.admin_people, hint: m.admin_people_hint },
      { id: "teams", title: m.admin_teams, hint: m.admin_teams_hint },
      { id: "organizations", title: m.admin_organizations, hint: m.admin_organizations_hint },
    ],
  },
  {
    title: m.admin_group_tickets,
    entries: [
      { id: "categories", title: m.admin_categories, hint: m.admin_categories_hint },
      { id: "fields", title: m.admin_fields, hint: m.admin_fields_hint },
      { id: "macros", title: m.admin_macros, hint: m.admin_macros_hint },
      { id: "views", title: m.admin_views, hint: m.admin_views_hint },
      { id: "retention", title: m.admin_kind_retention, hint: m.admin_retention_hint },
    ],
  },
  {
    title: m.admin_group_sla,
    entries: [
      { id: "calendars", title: m.admin_calendars, hint: m.admin_calendars_hint },
      { id: "sla", title: m.admin_policies, hint: m.admin_policies_hint },
      { id: "escalation", title: m.admin_paths, hint: m.admin_paths_hint },
    ],
  },
  {
    title: m.admin_group_access,
    entries: [
      { id: "tokens", title: m.admin_tokens, hint: m.admin_tokens_hint },
      { id: "clients", title: m.admin_clients, hint: m.admin_clients_hint },
      { id: "audit", title: m.admin_audit, hint: m.admin_audit_hint },
    ],
    links: [{ href: "/desk/webhooks", title: m.shell_webhooks, hint: m.admin_webhooks_hint }],
  },
];

export const ENTRIES: readonly Entry[] = GROUPS.flatMap((each) => each.entries);
