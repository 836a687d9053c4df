// The categories of tickets: each leads to a team.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { archiving } from "../base/actions";
import { directory } from "../base/directory.svelte";
import { NAME_AND_SLUG } from "../base/field";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";
import { textOrNull } from "../base/values";

const CATEGORY = graphql(`
  fragment AdminCategory on Category {
    id slug name active version
    team { slug name }
    parent { slug name }
  }
`);
const LIST = graphql(
  `
    query AdminCategories($search: String, $includeInactive: Boolean) {
      categories(search: $search, includeInactive: $includeInactive) { ...AdminCategory }
    }
  `,
  [CATEGORY],
);
const FIND = graphql(
  `
    query AdminCategoryById($id: ID!) { node(id: $id) { __typename ...AdminCategory } }
  `,
  [CATEGORY],
);
const CREATE = graphql(
  `
    mutation AdminCreateCategory($input: CreateCategoryInput!) {
      result: createCategory(input: $input) { record: category { ...AdminCategory } userErrors { code message field } }
    }
  `,
  [CATEGORY],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateCategory($input: UpdateCategoryInput!) {
      result: updateCategory(input: $input) { record: category { ...AdminCategory } userErrors { code message field } }
    }
  `,
  [CATEGORY],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchiveCategory($input: ArchiveCategoryInput!) {
      result: archiveCategory(input: $input) { record: category { ...AdminCategory } userErrors { code message field } }
    }
  `,
  [CATEGORY],
);

type Category = ResultOf<typeof CATEGORY>;

function referTo({ slug, version }: Category): { category: string; expectedVersion: number } {
  return { category: slug, expectedVersion: version };
}

export const SECTION: Section<Category> = {
  id: "categories",
  title: m.admin_categories,
  hint: m.admin_categories_hint,
  newTitle: m.admin_new_category,
  hasArchived: true,
  columns: [
    { label: m.admin_slug, text: (row) => row.slug },
    { label: m.admin_team, text: (row) => row.team.name },
    { label: m.admin_parent, text: (row) => row.parent?.name ?? "" },
  ],
  nameOf: (row) => row.name,
  async load({ search, includeArchived }) {
    const { categories } = await run(LIST, { search: textOrNull(search), includeInactive: includeArchived });
    return { rows: categories, next: null };
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "Category" ? node : null;
  },
  fields: [
    ...NAME_AND_SLUG,
    {
      kind: "select",
      name: "team",
      label: m.admin_team,
      hint: m.admin_category_team_hint,
      isRequired: true,
      choices: () => directory.teams,
    },
    {
      kind: "select",
      name: "parent",
      label: m.admin_parent,
      hint: m.admin_parent_hint,
      none: m.admin_none,
      choices: () => directory.categories,
    },
  ],
  blank: () => ({ name: "", slug: "", team: "", parent: "" }),
  read: ({ name, slug, team, parent }) => ({ name, slug, team: team.slug, parent: parent?.slug ?? "" }),
  toInput: ({ name, slug, team, parent }) => ({ name, slug, team, parent: textOrNull(parent) }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_category(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
