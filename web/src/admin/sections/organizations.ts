// The organizations of customers.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { archiving } from "../base/actions";
import { mutate, run } from "../base/request";
import type { Section } from "../base/section";
import { textOrNull } from "../base/values";

const ORGANIZATION = graphql(`
  fragment AdminOrganization on Organization {
    id name active version shared domains matchesDomains externalId
  }
`);
const LIST = graphql(
  `
    query AdminOrganizations($search: String, $includeInactive: Boolean, $after: String) {
      organizations(search: $search, includeInactive: $includeInactive, first: 50, after: $after) {
        nodes { ...AdminOrganization }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [ORGANIZATION],
);
const FIND = graphql(
  `
    query AdminOrganizationById($id: ID!) { node(id: $id) { __typename ...AdminOrganization } }
  `,
  [ORGANIZATION],
);
const CREATE = graphql(
  `
    mutation AdminCreateOrganization($input: CreateOrganizationInput!) {
      result: createOrganization(input: $input) {
        record: organization { ...AdminOrganization }
        userErrors { code message field }
      }
    }
  `,
  [ORGANIZATION],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateOrganization($input: UpdateOrganizationInput!) {
      result: updateOrganization(input: $input) {
        record: organization { ...AdminOrganization }
        userErrors { code message field }
      }
    }
  `,
  [ORGANIZATION],
);
const ARCHIVE = graphql(
  `
    mutation AdminArchiveOrganization($input: ArchiveOrganizationInput!) {
      result: archiveOrganization(input: $input) {
        record: organization { ...AdminOrganization }
        userErrors { code message field }
      }
    }
  `,
  [ORGANIZATION],
);

type Organization = ResultOf<typeof ORGANIZATION>;

function referTo({ id, version }: Organization): { organizationId: string; expectedVersion: number } {
  return { organizationId: id, expectedVersion: version };
}

export const SECTION: Section<Organization> = {
  id: "organizations",
  title: m.admin_organizations,
  hint: m.admin_organizations_hint,
  newTitle: m.admin_new_organization,
  hasArchived: true,
  columns: [
    { label: m.admin_domains, isWide: true, text: (row) => row.domains.join(", ") },
    { label: m.admin_shared, text: (row) => (row.shared ? m.shared_yes() : m.shared_no()) },
  ],
  nameOf: (row) => row.name,
  async load({ search, includeArchived, after }) {
    const variables = { search: textOrNull(search), includeInactive: includeArchived, after };
    const { nodes, pageInfo } = (await run(LIST, variables)).organizations;
    return { rows: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "Organization" ? node : null;
  },
  fields: [
    { kind: "text", name: "name", label: m.admin_name, isRequired: true },
    { kind: "lines", name: "domains", label: m.admin_domains, hint: m.admin_domains_hint },
    { kind: "check", name: "matchesDomains", label: m.admin_matches, hint: m.admin_matches_hint },
    { kind: "check", name: "shared", label: m.admin_shared, hint: m.admin_shared_hint },
    { kind: "text", name: "externalId", label: m.admin_external_id, hint: m.admin_external_id_hint },
  ],
  blank: () => ({ name: "", domains: [], matchesDomains: true, shared: false, externalId: "" }),
  read: (row) => ({ ...row, externalId: row.externalId ?? "", matchesDomains: row.matchesDomains ?? false }),
  toInput: ({ name, domains, matchesDomains, shared, externalId }) => ({
    name,
    domains: (domains as string[]).map((each) => each.trim()).filter(Boolean),
    matchesDomains,
    shared,
    externalId: textOrNull(externalId),
  }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  question: (row, { shared }) =>
    shared && !row.shared
      ? { title: m.admin_share_title({ name: row.name }), text: m.admin_share_text(), confirm: m.admin_save() }
      : null,
  actions: (row) =>
    archiving(row, {
      name: row.name,
      text: m.admin_archive_organization(),
      archive: () => mutate(ARCHIVE, referTo(row)),
      restore: () => mutate(UPDATE, { ...referTo(row), active: true }),
    }),
};
