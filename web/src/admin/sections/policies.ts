// The SLA policies: the first one that matches a ticket sets its targets.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { priorityName } from "../../shared/parts/names";
import { archiving, filterRows } from "../base/actions";
import { directory, findOrganizations } from "../base/directory.svelte";
import type { DurationValue } from "../base/field";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";
import { idOf, numberOrNull, readDuration, textOrNull, writeDuration } from "../base/values";
import { durationText, priorities } from "../base/words";

const POLICY = graphql(`
  fragment AdminPolicy on SlaPolicy {
    id name position priority active version atRiskPercent firstResponse nextResponse resolution
    team { slug name }
    category { slug name }
    organization { id name }
    calendar { id name }
  }
`);
const LIST = graphql(
  `
    query AdminPolicies($includeInactive: Boolean) {
      slaPolicies(includeInactive: $includeInactive) { ...AdminPolicy }
    }
  `,
  [POLICY],
);
const FIND = graphql(
  `
    query AdminPolicyById($id: ID!) { node(id: $id) { __typename ...AdminPolicy } }
  `,
  [POLICY],
);
const CREATE = graphql(
  `
    mutation AdminCreatePolicy($input: CreateSlaPolicyInput!) {
      result: createSlaPolicy(input: $input) { record: slaPolicy { ...AdminPolicy } userErrors { code message field } }
    }
  `,
  [POLICY],
);
const UPDATE = graphql(
  `
    mutation AdminUpdatePolicy($input: UpdateSlaPolicyInput!) {
      result: updateSlaPolicy(input: $input) { record: slaPolicy { ...AdminPolicy } userErrors { code message field } }
    }
  `,
  [POLICY],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchivePolicy($input: ArchiveSlaPolicyInput!) {
      result: archiveSlaPolicy(input: $input) { record: slaPolicy { ...AdminPolicy } userErrors { code message field } }
    }
  `,
  [POLICY],
);

type Policy = ResultOf<typeof POLICY>;

function referTo({ id, version }: Policy): { policyId: string; expectedVersion: number } {
  return { policyId: id, expectedVersion: version };
}

function conditionsOf({ priority, team, category, organization }: Policy): string {
  const parts = [priority && priorityName(priority), team?.name, category?.name, organization?.name];
  return parts.filter(Boolean).join(", ") || m.admin_all_tickets();
}

export const SECTION: Section<Policy> = {
  id: "sla",
  title: m.admin_policies,
  hint: m.admin_policies_hint,
  newTitle: m.admin_new_policy,
  hasArchived: true,
  columns: [
    { label: m.admin_position, text: (row) => String(row.position) },
    { label: m.admin_applies_to, isWide: true, text: conditionsOf },
    { label: m.parts_sla_first_response, text: (row) => durationText(row.firstResponse) },
    { label: m.parts_sla_resolution, text: (row) => durationText(row.resolution) },
  ],
  nameOf: (row) => row.name,
  async load(query) {
    const { slaPolicies } = await run(LIST, { includeInactive: query.includeArchived });
    return filterRows(slaPolicies, query, (row) => `${row.name} ${conditionsOf(row)}`);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "SlaPolicy" ? node : null;
  },
  fields: [
    { kind: "text", name: "name", label: m.admin_name, isRequired: true },
    {
      kind: "select",
      name: "calendarId",
      label: m.admin_calendar,
      hint: m.admin_calendar_hint,
      isRequired: true,
      choices: () => directory.calendars,
    },
    { kind: "duration", isWorkingTime: true, name: "firstResponse", label: m.parts_sla_first_response, hint: m.admin_first_response_hint },
    { kind: "duration", isWorkingTime: true, name: "nextResponse", label: m.parts_sla_next_response, hint: m.admin_next_response_hint },
    { kind: "duration", isWorkingTime: true, name: "resolution", label: m.parts_sla_resolution, hint: m.admin_resolution_hint },
    { kind: "text", type: "number", name: "atRiskPercent", label: m.admin_at_risk, hint: m.admin_at_risk_hint, isRequired: true },
    { kind: "select", name: "priority", label: m.admin_priority, none: m.admin_any, choices: priorities },
    { kind: "select", name: "team", label: m.admin_team, none: m.admin_any, choices: () => directory.teams },
    { kind: "select", name: "category", label: m.admin_category, none: m.admin_any, choices: () => directory.categories },
    {
      kind: "lookup",
      name: "organizationId",
      label: m.admin_organization,
      hint: m.admin_any_organization,
      find: findOrganizations,
    },
    { kind: "text", type: "number", name: "position", label: m.admin_position, hint: m.admin_position_hint },
  ],
  blank: () => ({
    name: "",
    calendarId: directory.calendars.length === 1 ? (directory.calendars[0]?.id ?? "") : "",
    firstResponse: { amount: "", unit: "H" },
    nextResponse: { amount: "", unit: "H" },
    resolution: { amount: "", unit: "H" },
    atRiskPercent: "75",
    priority: "",
    team: "",
    category: "",
    organizationId: null,
    position: "",
  }),
  read: (row) => ({
    name: row.name,
    calendarId: row.calendar.id,
    firstResponse: readDuration(row.firstResponse),
    nextResponse: readDuration(row.nextResponse),
    resolution: readDuration(row.resolution),
    atRiskPercent: String(row.atRiskPercent),
    priority: row.priority ?? "",
    team: row.team?.slug ?? "",
    category: row.category?.slug ?? "",
    organizationId: row.organization === null ? null : { id: row.organization.id, label: row.organization.name },
    position: String(row.position),
  }),
  toInput: (values) => ({
    name: values.name,
    calendarId: values.calendarId,
    firstResponse: writeDuration(values.firstResponse as DurationValue),
    nextResponse: writeDuration(values.nextResponse as DurationValue),
    resolution: writeDuration(values.resolution as DurationValue),
    atRiskPercent: numberOrNull(values.atRiskPercent),
    priority: textOrNull(values.priority),
    team: textOrNull(values.team),
    category: textOrNull(values.category),
    organizationId: idOf(values.organizationId),
    position: numberOrNull(values.position),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  question(row, values) {
    const isRenamed = JSON.stringify({ ...values, name: "" }) === JSON.stringify({ ...this.read(row), name: "" });
    if (isRenamed) return null;
    return { title: m.admin_policy_title({ name: row.name }), text: m.admin_policy_text(), confirm: m.admin_save() };
  },
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_policy(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
