// Operations without the client of the page. Apart from api.ts, because the sign-in page needs no documents.
import { print } from "@0no-co/graphql.web";
import type { TadaDocumentNode } from "gql.tada";
import { readJson, request, RequestError, throwFirst, type GraphQLError } from "./api";
import { m } from "./messages";

/**
 * Execute a query or mutation, and return its data. Nothing is stored: it serves what is read before
 * the person is known, and responses with secrets. Throws RequestError.
 */
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
