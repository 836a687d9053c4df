// The saved views that people share. What they list is changed in the desk, where its tickets are seen.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { filterRows } from "../base/actions";
import { directory } from "../base/directory.svelte";
import { mutate, readAll, run } from "../base/request";
import type { Section } from "../base/section";
import { numberOrNull, textOrNull } from "../base/values";
import { AUDIENCES, choicesOf } from "../base/words";

const VIEW = graphql(`
  fragment AdminView on SavedView { id name audience position version filterError team { slug name } }
`);
const LIST = graphql(
  `
    query AdminViews($first: Int, $after: String) {
      savedViews(allTeams: true, first: $first, after: $after) {
        nodes { ...AdminView }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [VIEW],
);
const FIND = graphql(
  `
    query AdminViewById($id: ID!) { node(id: $id) { __typename ...AdminView } }
  `,
  [VIEW],
);
const CREATE = graphql(
  `
    mutation AdminCreateView($input: CreateSavedViewInput!) {
      result: createSavedView(input: $input) { record: savedView { ...AdminView } userErrors { code message field } }
    }
  `,
  [VIEW],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateView($input: UpdateSavedViewInput!) {
      result: updateSavedView(input: $input) { record: savedView { ...AdminView } userErrors { code message field } }
    }
  `,
  [VIEW],
);
const DELETE = graphql(`
  mutation AdminDeleteView($input: DeleteSavedViewInput!) {
    result: deleteSavedView(input: $input) { deletedViewId userErrors { code message field } }
  }
`);

type View = ResultOf<typeof VIEW>;

function referTo({ id, version }: View): { viewId: string; expectedVersion: number } {
  return { viewId: id, expectedVersion: version };
}

export const SECTION: Section<View> = {
  id: "views",
  title: m.admin_views,
  hint: m.admin_views_hint,
  newTitle: m.admin_new_view,
  hasArchived: false,
  columns: [
    { label: m.admin_audience, text: (row) => row.team?.name ?? AUDIENCES[row.audience]() },
    { label: m.admin_position, text: (row) => String(row.position) },
    { label: m.admin_problem, text: (row) => row.filterError ?? "" },
  ],
  nameOf: (row) => row.name,
  async load(query) {
    const rows = await readAll(async (first, after) => (await run(LIST, { first, after })).savedViews);
    const shared = rows.filter((each) => each.audience !== "PERSONAL");
    return filterRows(shared, query, (row) => `${row.name} ${row.team?.name ?? ""}`);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "SavedView" ? node : null;
  },
  fields: [
    { kind: "text", name: "name", label: m.admin_name, isRequired: true },
    {
      kind: "select",
      name: "audience",
      label: m.admin_audience,
      hint: m.admin_view_audience_hint,
      isRequired: true,
      choices: () => choicesOf(AUDIENCES),
    },
    {
      kind: "select",
      name: "team",
      label: m.admin_team,
      isRequired: true,
      choices: () => directory.teams,
      isShown: ({ audience }) => audience === "TEAM",
    },
    { kind: "text", type: "number", name: "position", label: m.admin_position, hint: m.admin_view_position_hint },
  ],
  blank: () => ({ name: "", audience: "EVERYONE", team: "", position: "" }),
  read: ({ name, audience, team, position }) => ({ name, audience, team: team?.slug ?? "", position: String(position) }),
  toInput: ({ name, audience, team, position }) => ({
    name,
    audience,
    team: audience === "TEAM" ? textOrNull(team) : null,
    position: numberOrNull(position),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  link: ({ id }) => ({ href: `/desk?view=${encodeURIComponent(id)}`, text: m.admin_view_open() }),
  actions: (row) => [
    {
      label: m.admin_delete(),
      question: { title: m.admin_delete_title({ name: row.name }), text: m.admin_delete_view(), confirm: m.admin_delete() },
      isDeletion: true,
      async run() {
        const { result } = await run(DELETE, { input: referTo(row) });
        return { record: null, errors: result?.userErrors ?? [] };
      },
    },
  ],
};
