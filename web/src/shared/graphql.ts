// Documents with the types of the schema. `gql.tada generate-output` writes the types to src/generated.
import { print } from "@0no-co/graphql.web";
import { initGraphQLTada, type TadaDocumentNode } from "gql.tada";
import type { introspection } from "../generated/graphql-env";
import { m } from "./messages";
import { readJson, request, RequestError, throwFirst, type GraphQLError } from "./api";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; Duration: string; JSON: unknown };
}>();

export { type ResultOf, type VariablesOf } from "gql.tada";

/** Execute a query or mutation, and return its data. Throws RequestError. */
export async function execute<Data, Variables>(
  document: TadaDocumentNode<Data, Variables, void>,
  variables: Variables,
): Promise<Data> {
  const response = await request("/graphql", "POST", { query: print(document), variables });
  const result = await readJson<{ data?: Data; errors?: GraphQLError[] }>(response);
  throwFirst(result.errors);
  if (!result.data) throw new RequestError(m.shared_failed(), "INTERNAL");
  return result.data;
}
