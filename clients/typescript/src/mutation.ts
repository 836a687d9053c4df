import type { Cursor } from "./cursor.js";

/** A reason for which a mutation has changed nothing. */
export interface UserError {
  readonly code?: string;
  readonly message: string;
  readonly field?: readonly string[] | null;
}

/** What most payloads of mutations have, as far as it was selected. */
export interface Payload {
  /** The cursor of the mutation's event. */
  readonly cursor?: Cursor | undefined;
  readonly userErrors?: readonly UserError[] | undefined;
}

/** Returns the payload of a mutation's first root field. */
export function payloadOf(data: object): Payload {
  const [payload] = Object.values(data) as Array<Payload | null>;
  return payload ?? {};
}

/** Tells whether an input has an idempotency key, so that the mutation may be repeated. */
export function isRepeatable(variables: unknown): boolean {
  const { input } = (variables ?? {}) as { input?: { idempotencyKey?: unknown } };
  return typeof input?.idempotencyKey === "string";
}
