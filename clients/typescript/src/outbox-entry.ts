import type { Cursor } from "./cursor.js";
import { NetworkError, RequestError, SessionExpiredError } from "./errors.js";
import type { UserError } from "./mutation.js";

/**
 * - waiting: it will be sent
 * - sent: the server has stored it; shown for some seconds, until the timeline shows it
 * - refused: the server has refused it; edit or discard it
 * - uncertain: nobody knows whether the server has stored it, and a repetition is no longer safe
 */
export type OutboxState = "waiting" | "sent" | "refused" | "uncertain";

/** A mutation that is kept until the server has executed it once. */
export interface OutboxEntry {
  /** The idempotency key. It is part of the input. */
  readonly key: string;
  /** The text of the mutation. */
  readonly document: string;
  readonly variables: { readonly input: Readonly<Record<string, unknown>> };
  readonly addedAt: number;
  /** The time of the first attempt. */
  readonly firstSentAt?: number;
  readonly state: OutboxState;
  /** The reasons, if the state is refused. */
  readonly userErrors?: readonly UserError[];
  /** The cursor of the mutation, if the state is sent. */
  readonly cursor?: Cursor | undefined;
}

/** A draft as it was when the person sent it, for example what `Drafts.save` has returned. */
export interface SentDraft {
  readonly key: string;
  readonly revision: number;
}

/** Returns a random key. crypto.randomUUID exists only on pages with HTTPS. */
export function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Tells whether all other entries would fail with the same error. */
export function isErrorOfAllEntries(error: unknown): error is { readonly retryAfterMs?: number } {
  const isRateLimited = error instanceof RequestError && error.retryAfterMs !== undefined;
  return isRateLimited || error instanceof NetworkError || error instanceof SessionExpiredError;
}

export function toUserError(error: unknown): UserError {
  const { message } = error as Error;
  return { code: error instanceof RequestError ? error.code : "INTERNAL", message };
}
