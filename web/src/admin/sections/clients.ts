// The API clients: integrations, each with tokens of its own.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { filterRows } from "../base/actions";
import { mutate, readAll, run } from "../base/request";
import type { Section } from "../base/section";
import ClientTokens from "../panels/ClientTokens.svelte";

const CLIENT = graphql(`
  fragment AdminClient on ApiClient { id displayName active version createdAt tokens { id revokedAt expiresAt } }
`);
const LIST = graphql(
  `
    query AdminClients($includeInactive: Boolean, $first: Int, $after: String) {
      apiClients(includeInactive: $includeInactive, first: $first, after: $after) {
        nodes { ...AdminClient }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [CLIENT],
);
const FIND = graphql(
  `
    query AdminClientById($id: ID!) { node(id: $id) { __typename ...AdminClient } }
  `,
  [CLIENT],
);
const CREATE = graphql(
  `
    mutation AdminCreateClient($input: CreateApiClientInput!) {
      result: createApiClient(input: $input) { record: apiClient { ...AdminClient } userErrors { code message field } }
    }
  `,
  [CLIENT],
);
const UPDATE = graphql(
  `
    mutation AdminUpdateClient($input: UpdateApiClientInput!) {
      result: updateApiClient(input: $input) { record: apiClient { ...AdminClient } userErrors { code message field } }
    }
  `,
  [CLIENT],
);
const DEACTIVATE = graphql(
  `
    mutation AdminDeactivateClient($input: DeactivateApiClientInput!) {
      result: deactivateApiClient(input: $input) {
        record: apiClient { ...AdminClient }
        userErrors { code message field }
      }
    }
  `,
  [CLIENT],
);
const REACTIVATE = graphql(
  `
    mutation AdminReactivateClient($input: ReactivateApiClientInput!) {
      result: reactivateApiClient(input: $input) {
        record: apiClient { ...AdminClient }
        userErrors { code message field }
      }
    }
  `,
  [CLIENT],
);

type Client = ResultOf<typeof CLIENT>;

function referTo({ id, version }: Client): { clientId: string; expectedVersion: number } {
  return { clientId: id, expectedVersion: version };
}

export const SECTION: Section<Client> = {
  id: "clients",
  title: m.admin_clients,
  hint: m.admin_clients_hint,
  newTitle: m.admin_new_client,
  hasArchived: true,
  columns: [
    {
      label: m.admin_tokens,
      text: (row) => String(row.tokens.filter((each) => each.revokedAt === null).length),
    },
  ],
  nameOf: (row) => row.displayName,
  async load(query) {
    const includeInactive = query.includeArchived;
    const rows = await readAll(
      async (first, after) => (await run(LIST, { includeInactive, first, after })).apiClients,
    );
    return filterRows(rows, query, (row) => row.displayName);
  },
  async find(id) {
    const { node } = await run(FIND, { id });
    return node?.__typename === "ApiClient" ? node : null;
  },
  fields: [{ kind: "text", name: "displayName", label: m.admin_name, isRequired: true }],
  blank: () => ({ displayName: "" }),
  read: ({ displayName }) => ({ displayName }),
  toInput: ({ displayName }) => ({ displayName }),
  create: (input) => mutate(CREATE, input),
  change: (row, changes) => mutate(UPDATE, { ...referTo(row), ...changes }),
  actions: (row) =>
    row.active
      ? [
          {
            label: m.admin_deactivate(),
            question: {
              title: m.admin_deactivate_title({ name: row.displayName }),
              text: m.admin_deactivate_client(),
              confirm: m.admin_deactivate(),
            },
            run: () => mutate(DEACTIVATE, referTo(row)),
          },
        ]
      : [{ label: m.admin_reactivate(), question: null, run: () => mutate(REACTIVATE, referTo(row)) }],
  panels: ClientTokens,
};
