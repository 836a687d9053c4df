// The retention policies, which erase the texts of closed tickets that have reached an age.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { NUMBER } from "../../shared/time/formats";
import { filterRows } from "../base/actions";
import { directory } from "../base/directory.svelte";
import type { Values } from "../base/field";
import { mutate, readAll, run } from "../base/request";
import type { Action, Section } from "../base/section";
import { numberOrNull } from "../base/values";
import RetentionEffects from "../panels/RetentionEffects.svelte";

const RETENTION = graphql(`
  fragment AdminRetention on RetentionPolicy { id name filter ageDays active erasedTickets version }
`);
const LIST = graphql(
  `
    query AdminRetentionPolicies($first: Int, $after: String) {
      retentionPolicies(first: $first, after: $after) {
        nodes { ...AdminRetention }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [RETENTION],
);
const FIND = graphql(
  `
    query AdminRetentionById($id: ID!) { node(id: $id) { __typename ...AdminRetention } }
  `,
  [RETENTION],
);
const CREATE = graphql(
  `
    mutation AdminCreateRetention($input: CreateRetentionPolicyInput!) {
      result: createRetentionPolicy(input: $input) {
        record: retentionPolicy { ...AdminRetention }
        userErrors { code message field }
      }
    }
  `,
  [RETENTION],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateRetention($input: UpdateRetentionPolicyInput!) {
      result: updateRetentionPolicy(input: $input) {
        record: retentionPolicy { ...AdminRetention }
        userErrors { code message field }
      }
    }
  `,
  [RETENTION],
);
const DELETE = graphql(`
  mutation AdminDeleteRetention($input: DeleteRetentionPolicyInput!) {
    result: deleteRetentionPolicy(input: $input) { deletedPolicyId userErrors { code message field } }
  }
`);

type Retention = ResultOf<typeof RETENTION>;
type Filter = Readonly<Record<string, unknown>>;

function referTo({ id, version }: Retention): { policyId: string; expectedVersion: number } {
  return { policyId: id, expectedVersion: version };
}

/** The slugs of a condition such as `{in: ["billing"]}`; null if it has another form. */
function slugsOf(condition: unknown): readonly string[] | null {
  if (condition === undefined) return [];
  const { in: several, eq, ...others } = condition as { in?: string[]; eq?: string };
  if (Object.keys(others).length > 0 || (several === undefined) === (eq === undefined)) return null;
  return several ?? [String(eq)];
}

/** The values of the form for a filter. One that the form can't express is text. */
function readFilter(filter: Filter): Values {
  const { team, category, ...others } = filter;
  const [teams, categories] = [slugsOf(team), slugsOf(category)];
  if (Object.keys(others).length > 0 || teams === null || categories === null) {
    return { teams: [], categories: [], filter: JSON.stringify(filter) };
  }
  return { teams, categories, filter: "" };
}

function toFilter({ teams, categories, filter }: Values): Filter {
  if (filter !== "") return JSON.parse(String(filter)) as Filter;
  const has = (slugs: unknown): boolean => (slugs as string[]).length > 0;
  return {
    ...(has(teams) && { team: { in: teams } }),
    ...(has(categories) && { category: { in: categories } }),
  };
}

const isSimple = ({ filter }: Values): boolean => filter === "";

function actionsOf(row: Retention): readonly Action<Retention>[] {
  const { name } = row;
  const setActive = (active: boolean): Action<Retention>["run"] => () => mutate(UPDATE, { ...referTo(row), active });
  const activation = { title: m.admin_retention_activate_title({ name }), text: m.admin_retention_activate_text(), confirm: m.admin_activate() };
  return [
    row.active
      ? { label: m.admin_deactivate(), question: null, run: setActive(false) }
      : { label: m.admin_activate(), question: activation, run: setActive(true) },
    {
      label: m.admin_delete(),
      question: { title: m.admin_delete_title({ name }), text: m.admin_retention_delete(), confirm: m.admin_delete() },
      isDeletion: true,
      async run() {
        const { result } = await run(DELETE, { input: referTo(row) });
        return { record: null, errors: result?.userErrors ?? [] };
      },
    },
  ];
}

export const SECTION: Section<Retention> = {
  id: "retention",
  title: m.admin_kind_retention,
  hint: m.admin_retention_hint,
  newTitle: m.admin_new_retention,
  hasArchived: false,
  columns: [
    { label: m.admin_retention_age, text: (row) => NUMBER.format(row.ageDays) },
    { label: m.admin_retention_erased, text: (row) => NUMBER.format(row.erasedTickets) },
  ],
  nameOf: (row) => row.name,
  async load(query) {
    const rows = await readAll(async (first, after) => (await run(LIST, { first, after })).retentionPolicies);
    return filterRows(rows, { ...query, includeArchived: true }, (row) => row.name);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "RetentionPolicy" ? node : null;
  },
  fields: [
    { kind: "text", name: "name", label: m.admin_name, isRequired: true },
    {
      kind: "text",
      type: "number",
      name: "ageDays",
      label: m.admin_retention_age,
      hint: m.admin_retention_age_hint,
      isRequired: true,
    },
    {
      kind: "many",
      name: "teams",
      label: m.admin_teams,
      none: m.admin_all_teams,
      choices: () => directory.teams,
      isShown: isSimple,
    },
    {
      kind: "many",
      name: "categories",
      label: m.admin_categories,
      none: m.admin_all_categories,
      choices: () => directory.categories,
      isShown: isSimple,
    },
    {
      kind: "area",
      name: "filter",
      label: m.admin_retention_filter,
      hint: m.admin_retention_filter_hint,
      isFixed: true,
      isShown: (values) => !isSimple(values),
    },
  ],
  blank: () => ({ name: "", ageDays: "", teams: [], categories: [], filter: "" }),
  read: ({ name, ageDays, filter }) => ({ name, ageDays: String(ageDays), ...readFilter(filter as Filter) }),
  toInput: (values) => ({
    name: values.name,
    ageDays: numberOrNull(values.ageDays),
    filter: toFilter(values),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  question(row, values) {
    const before = readFilter(row.filter as Filter);
    const isHarmless = numberOrNull(values.ageDays) === row.ageDays && JSON.stringify(toFilter(values)) === JSON.stringify(toFilter(before));
    if (!row.active || isHarmless) return null;
    return { title: m.admin_retention_change_title(), text: m.admin_retention_activate_text(), confirm: m.admin_save() };
  },
  actions: actionsOf,
  panels: RetentionEffects,
};
