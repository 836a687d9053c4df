// The escalation paths: what happens after an event, and how long after it.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { priorityName } from "../../shared/parts/names";
import { archiving, filterRows } from "../base/actions";
import { directory } from "../base/directory.svelte";
import type { StepValue } from "../base/field";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";
import { idOf, numberOrNull, readDuration, textOrNull, writeDuration } from "../base/values";
import { choicesOf, METRICS, newStep, priorities, TRIGGERS } from "../base/words";

const PATH = graphql(`
  fragment AdminPath on EscalationPath {
    id name position trigger metric priority active version
    team { slug name }
    steps { after action team { slug } user { id displayName } }
  }
`);
const LIST = graphql(
  `
    query AdminPaths($includeInactive: Boolean) {
      escalationPaths(includeInactive: $includeInactive) { ...AdminPath }
    }
  `,
  [PATH],
);
const FIND = graphql(
  `
    query AdminPathById($id: ID!) { node(id: $id) { __typename ...AdminPath } }
  `,
  [PATH],
);
const CREATE = graphql(
  `
    mutation AdminCreatePath($input: CreateEscalationPathInput!) {
      result: createEscalationPath(input: $input) {
        record: escalationPath { ...AdminPath }
        userErrors { code message field }
      }
    }
  `,
  [PATH],
);
const UPDATE = graphql(
  `
    mutation AdminUpdatePath($input: UpdateEscalationPathInput!) {
      result: updateEscalationPath(input: $input) {
        record: escalationPath { ...AdminPath }
        userErrors { code message field }
      }
    }
  `,
  [PATH],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchivePath($input: ArchiveEscalationPathInput!) {
      result: archiveEscalationPath(input: $input) {
        record: escalationPath { ...AdminPath }
        userErrors { code message field }
      }
    }
  `,
  [PATH],
);

type Path = ResultOf<typeof PATH>;

function referTo({ id, version }: Path): { pathId: string; expectedVersion: number } {
  return { pathId: id, expectedVersion: version };
}

const hasMetric = (trigger: unknown): boolean => trigger === "SLA_AT_RISK" || trigger === "SLA_BREACHED";

function conditionsOf({ priority, team }: Path): string {
  return [priority && priorityName(priority), team?.name].filter(Boolean).join(", ") || m.admin_all_tickets();
}

function stepInput({ after, action, team, person }: StepValue): Record<string, unknown> {
  return {
    after: writeDuration(after) ?? "PT0S",
    action,
    team: action === "TRANSFER" ? textOrNull(team) : null,
    userId: action === "REASSIGN" ? idOf(person) : null,
  };
}

export const SECTION: Section<Path> = {
  id: "escalation",
  title: m.admin_paths,
  hint: m.admin_paths_hint,
  newTitle: m.admin_new_path,
  hasArchived: true,
  columns: [
    { label: m.admin_position, text: (row) => String(row.position) },
    { label: m.admin_trigger, isWide: true, text: (row) => TRIGGERS[row.trigger]() },
    { label: m.admin_applies_to, text: conditionsOf },
    { label: m.admin_steps, text: (row) => String(row.steps.length) },
  ],
  nameOf: (row) => row.name,
  async load(query) {
    const { escalationPaths } = await run(LIST, { includeInactive: query.includeArchived });
    return filterRows(escalationPaths, query, (row) => `${row.name} ${conditionsOf(row)}`);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "EscalationPath" ? node : null;
  },
  fields: [
    { kind: "text", name: "name", label: m.admin_name, isRequired: true },
    { kind: "select", name: "trigger", label: m.admin_trigger, isRequired: true, choices: () => choicesOf(TRIGGERS) },
    {
      kind: "select",
      name: "metric",
      label: m.admin_metric,
      none: m.admin_any,
      choices: () => choicesOf(METRICS),
      isShown: ({ trigger }) => hasMetric(trigger),
    },
    { kind: "steps", name: "steps", label: m.admin_steps, hint: m.admin_steps_hint },
    { kind: "select", name: "priority", label: m.admin_priority, none: m.admin_any, choices: priorities },
    { kind: "select", name: "team", label: m.admin_team, none: m.admin_any, choices: () => directory.teams },
    { kind: "text", type: "number", name: "position", label: m.admin_position, hint: m.admin_position_hint },
  ],
  blank: () => ({
    name: "",
    trigger: "SLA_BREACHED",
    metric: "",
    steps: [newStep(0)],
    priority: "",
    team: "",
    position: "",
  }),
  read: (row) => ({
    name: row.name,
    trigger: row.trigger,
    metric: row.metric ?? "",
    steps: row.steps.map(
      ({ after, action, team, user }, key): StepValue => ({
        key,
        after: readDuration(after, true),
        action,
        team: team?.slug ?? "",
        person: user === null ? null : { id: user.id, label: user.displayName },
      }),
    ),
    priority: row.priority ?? "",
    team: row.team?.slug ?? "",
    position: String(row.position),
  }),
  toInput: (values) => ({
    name: values.name,
    trigger: values.trigger,
    metric: hasMetric(values.trigger) ? textOrNull(values.metric) : null,
    steps: (values.steps as StepValue[]).map(stepInput),
    priority: textOrNull(values.priority),
    team: textOrNull(values.team),
    position: numberOrNull(values.position),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_path(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
