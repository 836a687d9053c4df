// Requests of the administration. What they read is shown and not kept: it may have secrets.
import type { TadaDocumentNode } from "gql.tada";
import { goToSignIn, RequestError, type UserError } from "../../shared/api";
import { execute } from "../../shared/execute";
import type { Outcome } from "./section";

const PAGE_SIZE = 100;

/** Execute an operation. A session that has ended leads to the sign-in page. Throws RequestError. */
export async function run<Data, Variables>(
  document: TadaDocumentNode<Data, Variables, void>,
  variables: Variables,
): Promise<Data> {
  try {
    return await execute(document, variables);
  } catch (error) {
    if (error instanceof RequestError && error.code === "UNAUTHENTICATED") goToSignIn();
    throw error;
  }
}

interface Payload<Row> {
  readonly record: Row | null;
  readonly userErrors: ReadonlyArray<Pick<UserError, "code" | "message" | "field">>;
}

/**
 * Execute a mutation whose payload has the alias `result`, and the record the alias `record`.
 *
 * @param input As the schema has it. Forms build it from their fields, so that its type is not known
 *   here; the server checks it.
 */
export async function mutate<Row, Input>(
  document: TadaDocumentNode<{ result: Payload<Row> | null }, { input: Input }, void>,
  input: object,
): Promise<Outcome<Row>> {
  const { result } = await run(document, { input: input as Input });
  return { record: result?.record ?? null, errors: result?.userErrors ?? [] };
}

interface Page<Row> {
  readonly nodes: readonly Row[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Read all pages of a list that the server limits to few records. */
export async function readAll<Row>(
  read: (first: number, after: string | null) => Promise<Page<Row>>,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let after: string | null = null;
  do {
    const { nodes, pageInfo }: Page<Row> = await read(PAGE_SIZE, after);
    rows.push(...nodes);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return rows;
}
