import type { Cursor } from "./cursor.js";
import type { Operation } from "./document.js";

/** A reason for which a mutation has changed nothing. */
export interface UserError {
  readonly code?: string;
  readonly message: string;
  readonly field?: readonly string[] | null;
}

/** What most payloads of mutations have, as far as it was selected. */
export interface Payload {
  /** The cursor of the mutation's event. */
  readonly cursor?: Cursor | null | undefined;
  readonly userErrors?: readonly UserError[] | undefined;
}

/** Returns the payload of a mutation's first root field. */
export function payloadOf(data: object): Payload {
  const [payload] = Object.values(data) as Array<Payload | null>;
  return payload ?? {};
}

/**
 * Makes sure that the response can tell whether the mutation was executed.
 *
 * @throws TypeError if the document lacks one of the fields.
 */
export function requireFields(operation: Operation, names: readonly string[]): void {
  const [payload] = operation.selections;
  for (const name of names)
    if (!payload?.children?.some((child) => child.responseKey === name))
      throw new TypeError(`the mutation ${payload?.name} must select ${name}`);
}

/** Tells whether an input has an idempotency key, so that the mutation may be repeated. */
export function isRepeatable(variables: unknown): boolean {
  const { input } = (variables ?? {}) as { input?: { idempotencyKey?: unknown } };
  return typeof input?.idempotencyKey === "string";
}
