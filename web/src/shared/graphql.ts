// Documents with the types of the schema. `gql.tada generate-output` writes the types to src/generated.
import { initGraphQLTada } from "gql.tada";
import type { introspection } from "../generated/graphql-env";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; Duration: string; JSON: unknown };
}>();

export { type ResultOf, type VariablesOf } from "gql.tada";
