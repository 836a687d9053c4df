// The macros of all teams and of everyone, and the personal ones of the admin.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { archiving } from "../base/actions";
import { directory, findStaff } from "../base/directory.svelte";
import type { DurationValue, Field } from "../base/field";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";
import { idOf, readDuration, textOrNull, writeDuration } from "../base/values";
import { ASSIGNMENTS, AUDIENCES, choicesOf, CLOSE_REASONS, priorities, STATUS_ACTIONS } from "../base/words";

const MACRO = graphql(`
  fragment AdminMacro on Macro {
    id name audience text statusAction closeReason assignment priority active version holdFor addTags removeTags
    team { slug name }
    assignee { id displayName }
    newTeam { slug }
  }
`);
const LIST = graphql(
  `
    query AdminMacros($search: String, $includeInactive: Boolean, $after: String) {
      macros(search: $search, includeInactive: $includeInactive, allTeams: true, first: 50, after: $after) {
        nodes { ...AdminMacro }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [MACRO],
);
const FIND = graphql(
  `
    query AdminMacroById($id: ID!) { node(id: $id) { __typename ...AdminMacro } }
  `,
  [MACRO],
);
const CREATE = graphql(
  `
    mutation AdminCreateMacro($input: CreateMacroInput!) {
      result: createMacro(input: $input) { record: macro { ...AdminMacro } userErrors { code message field } }
    }
  `,
  [MACRO],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateMacro($input: UpdateMacroInput!) {
      result: updateMacro(input: $input) { record: macro { ...AdminMacro } userErrors { code message field } }
    }
  `,
  [MACRO],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchiveMacro($input: ArchiveMacroInput!) {
      result: archiveMacro(input: $input) { record: macro { ...AdminMacro } userErrors { code message field } }
    }
  `,
  [MACRO],
);

const PLACEHOLDERS = [
  ...["ticket.ref", "ticket.number", "ticket.subject", "ticket.category", "ticket.team"],
  ...["requester.displayName", "requester.organization", "agent.displayName"],
]
  .map((each) => `{{${each}}}`)
  .join(" ");

type Macro = ResultOf<typeof MACRO>;

const FIELDS: readonly Field[] = [
  { kind: "text", name: "name", label: m.admin_name, isRequired: true },
  { kind: "select", name: "audience", label: m.admin_audience, isRequired: true, choices: () => choicesOf(AUDIENCES) },
  {
    kind: "select",
    name: "team",
    label: m.admin_team,
    isRequired: true,
    choices: () => directory.teams,
    isShown: ({ audience }) => audience === "TEAM",
  },
  { kind: "area", name: "text", label: m.admin_macro_text, hint: () => m.admin_macro_text_hint({ names: PLACEHOLDERS }) },
  {
    kind: "select",
    name: "statusAction",
    label: m.admin_status,
    none: m.admin_unchanged,
    choices: () => choicesOf(STATUS_ACTIONS),
  },
  {
    kind: "duration",
    name: "holdFor",
    label: m.admin_hold_for,
    hint: m.admin_hold_for_hint,
    isShown: ({ statusAction }) => statusAction === "HOLD",
  },
  {
    kind: "select",
    name: "closeReason",
    label: m.admin_close_reason,
    isRequired: true,
    choices: () => choicesOf(CLOSE_REASONS),
    isShown: ({ statusAction }) => statusAction === "CLOSE",
  },
  {
    kind: "select",
    name: "assignment",
    label: m.admin_assignee,
    none: m.admin_unchanged,
    choices: () => choicesOf(ASSIGNMENTS),
  },
  {
    kind: "lookup",
    name: "assigneeId",
    label: m.admin_assign_person,
    isRequired: true,
    find: findStaff,
    isShown: ({ assignment }) => assignment === "PERSON",
  },
  { kind: "select", name: "newTeam", label: m.admin_new_team_of, none: m.admin_unchanged, choices: () => directory.teams },
  { kind: "select", name: "priority", label: m.admin_priority, none: m.admin_unchanged, choices: priorities },
  { kind: "lines", name: "addTags", label: m.admin_add_tags, hint: m.admin_one_per_line },
  { kind: "lines", name: "removeTags", label: m.admin_remove_tags, hint: m.admin_one_per_line },
];

function referTo({ id, version }: Macro): { macroId: string; expectedVersion: number } {
  return { macroId: id, expectedVersion: version };
}

function lines(value: unknown): string[] {
  return (value as string[]).map((each) => each.trim()).filter(Boolean);
}

export const SECTION: Section<Macro> = {
  id: "macros",
  title: m.admin_macros,
  hint: m.admin_macros_hint,
  newTitle: m.admin_new_macro,
  hasArchived: true,
  columns: [
    { label: m.admin_audience, text: (row) => row.team?.name ?? AUDIENCES[row.audience]() },
    { label: m.admin_macro_text, isWide: true, text: (row) => row.text ?? "" },
    { label: m.admin_status, text: (row) => (row.statusAction ? STATUS_ACTIONS[row.statusAction]() : "") },
  ],
  nameOf: (row) => row.name,
  async load({ search, includeArchived, after }) {
    const variables = { search: textOrNull(search), includeInactive: includeArchived, after };
    const { nodes, pageInfo } = (await run(LIST, variables)).macros;
    return { rows: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "Macro" ? node : null;
  },
  fields: FIELDS,
  blank: () => ({
    ...{ name: "", audience: "EVERYONE", team: "", text: "", statusAction: "", closeReason: "", assignment: "" },
    ...{ assigneeId: null, newTeam: "", priority: "", addTags: [], removeTags: [] },
    holdFor: { amount: "", unit: "D" },
  }),
  read: (row) => ({
    name: row.name,
    audience: row.audience,
    team: row.team?.slug ?? "",
    text: row.text ?? "",
    statusAction: row.statusAction ?? "",
    holdFor: readDuration(row.holdFor, true),
    closeReason: row.closeReason ?? "",
    assignment: row.assignment ?? "",
    assigneeId: row.assignee === null ? null : { id: row.assignee.id, label: row.assignee.displayName },
    newTeam: row.newTeam?.slug ?? "",
    priority: row.priority ?? "",
    addTags: row.addTags,
    removeTags: row.removeTags,
  }),
  toInput: (values) => ({
    name: values.name,
    audience: values.audience,
    team: values.audience === "TEAM" ? textOrNull(values.team) : null,
    text: textOrNull(values.text),
    statusAction: textOrNull(values.statusAction),
    holdFor: values.statusAction === "HOLD" ? writeDuration(values.holdFor as DurationValue) : null,
    closeReason: values.statusAction === "CLOSE" ? textOrNull(values.closeReason) : null,
    assignment: textOrNull(values.assignment),
    assigneeId: values.assignment === "PERSON" ? idOf(values.assigneeId) : null,
    newTeam: textOrNull(values.newTeam),
    priority: textOrNull(values.priority),
    addTags: lines(values.addTags),
    removeTags: lines(values.removeTags),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_macro(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
