// The teams, which get the tickets of their categories.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { archiving } from "../base/actions";
import { directory } from "../base/directory.svelte";
import { NAME_AND_SLUG } from "../base/field";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";
import { textOrNull } from "../base/values";
import Members from "../panels/Members.svelte";

const TEAM = graphql(`
  fragment AdminTeam on Team { id slug name active version assignsByLoad }
`);
const LIST = graphql(
  `
    query AdminTeams($search: String, $includeInactive: Boolean) {
      teams(search: $search, includeInactive: $includeInactive) { ...AdminTeam members { id } }
    }
  `,
  [TEAM],
);
const FIND = graphql(
  `
    query AdminTeamById($id: ID!) { node(id: $id) { __typename ...AdminTeam } }
  `,
  [TEAM],
);
const CREATE = graphql(
  `
    mutation AdminCreateTeam($input: CreateTeamInput!) {
      result: createTeam(input: $input) { record: team { ...AdminTeam } userErrors { code message field } }
    }
  `,
  [TEAM],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateTeam($input: UpdateTeamInput!) {
      result: updateTeam(input: $input) { record: team { ...AdminTeam } userErrors { code message field } }
    }
  `,
  [TEAM],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchiveTeam($input: ArchiveTeamInput!) {
      result: archiveTeam(input: $input) { record: team { ...AdminTeam } userErrors { code message field } }
    }
  `,
  [TEAM],
);

type Team = ResultOf<typeof TEAM> & { readonly members?: readonly unknown[] };

function referTo({ slug, version }: Team): { team: string; expectedVersion: number } {
  return { team: slug, expectedVersion: version };
}

export const SECTION: Section<Team> = {
  id: "teams",
  title: m.admin_teams,
  hint: m.admin_teams_hint,
  newTitle: m.admin_new_team,
  hasArchived: true,
  columns: [
    { label: m.admin_slug, text: (row) => row.slug },
    { label: m.admin_members, text: (row) => String(row.members?.length ?? "") },
    { label: m.admin_by_load, text: (row) => (row.assignsByLoad ? m.shared_yes() : m.shared_no()) },
  ],
  nameOf: (row) => row.name,
  async load({ search, includeArchived }) {
    const { teams } = await run(LIST, { search: textOrNull(search), includeInactive: includeArchived });
    return { rows: teams, next: null };
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "Team" ? node : null;
  },
  fields: [
    ...NAME_AND_SLUG,
    { kind: "check", name: "assignsByLoad", label: m.admin_by_load, hint: m.admin_by_load_hint },
  ],
  blank: () => ({ name: "", slug: "", assignsByLoad: false }),
  read: ({ name, slug, assignsByLoad }) => ({ name, slug, assignsByLoad: assignsByLoad ?? false }),
  toInput: ({ name, slug, assignsByLoad }) => ({ name, slug, assignsByLoad }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_team(),
      field: {
        kind: "select",
        name: "transferTo",
        label: m.admin_transfer_to,
        none: m.admin_transfer_none,
        choices: () => directory.teams.filter((each) => each.id !== row.slug),
      },
      archive: (value) => mutate(ARCHIVE, { ...referTo(row), transferTo: textOrNull(value) }),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
  panels: Members,
};
