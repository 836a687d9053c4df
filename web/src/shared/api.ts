// Requests to the API with the session cookie of this page.
import { NetworkError } from "@ticketwire/client";
import { m } from "./messages";

/** A server that does not respond so long can't be reached. */
const TIMEOUT_MS = 30_000;

/** The header that proves that a script of this origin sends the request. */
const HEADERS = { "Content-Type": "application/json", "X-Requested-With": "ticketwire" };

export interface UserError {
  code: string;
  message: string;
  field: string[] | null;
}

export interface GraphQLError {
  message: string;
  extensions?: { code?: string };
}

/** A request that failed. The code is that of the first error, or NETWORK. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

/** Send a request with the session cookie. Throws RequestError if the server can't be reached. */
export async function request(path: string, method: string, body?: unknown): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      headers: HEADERS,
      credentials: "same-origin",
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new RequestError(m.shared_unreachable(), "NETWORK");
  }
}

/** Read a response of the API. Throws RequestError if it is another one, as a proxy's page. */
export async function readJson<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new RequestError(m.shared_not_available({ status: response.status }), "UNAVAILABLE");
  }
}

/** Throws RequestError if there is an error. */
export function throwFirst(errors: GraphQLError[] | undefined): void {
  const first = errors?.[0];
  if (first) throw new RequestError(first.message, first.extensions?.code ?? "INTERNAL");
}

export type SignInInput =
  | { email: string; password: string; secondFactor?: string }
  | { code: string; verifier: string };

interface SignInResult {
  viewer: { role: "CUSTOMER" | "AGENT" | "ADMIN" } | null;
  requiresSecondFactorSetup?: boolean;
  userErrors: UserError[];
}

/** Sign in. The server sets the cookie. Throws RequestError. */
export async function signIn(input: SignInInput): Promise<SignInResult> {
  // One tab after the other, so that each sign-in ends the session of the one before.
  const send = () => request("/session", "POST", input);
  const response = await (navigator.locks?.request("ticketwire-sign-in", send) ?? send());
  const result = await readJson<SignInResult & { errors?: GraphQLError[] }>(response);
  throwFirst(result.errors);
  return result;
}

/** While the person signs out, other requests fail. They must not lead to another page. */
let isSigningOut = false;
let hasSessionEnded = false;

/**
 * End the session, and go to the sign-in page; returns why that was not possible.
 *
 * @param forget Called when the session has ended, to delete what this computer has kept.
 */
export async function signOut(forget?: () => Promise<void>): Promise<string> {
  isSigningOut = true;
  try {
    await endSession();
  } catch (error) {
    isSigningOut = false;
    if (!hasSessionEnded) return messageOf(error);
  }
  try {
    await forget?.();
  } catch (error) {
    const reason = messageOf(error);
    return m.shared_not_deleted({ reason });
  }
  location.assign("/sign-in");
  return "";
}

async function endSession(): Promise<void> {
  const response = await request("/session", "DELETE");
  if (response.ok) return;
  throw new RequestError(m.shared_session_not_ended(), "INTERNAL");
}

/** The names of the identity providers by which people can sign in here. */
export async function listProviders(): Promise<string[]> {
  const response = await request("/session/providers", "GET");
  return (await readJson<{ identityProviders: string[] }>(response)).identityProviders;
}

/** Go to the sign-in page, and come back to this page afterwards. */
export function goToSignIn(): void {
  if (isSigningOut) {
    hasSessionEnded = true;
    return;
  }
  const next = location.pathname + location.search;
  location.assign(`/sign-in?next=${encodeURIComponent(next)}`);
}

/** The message for a person. */
export function messageOf(error: unknown): string {
  if (error instanceof NetworkError) return m.shared_unreachable();
  return error instanceof Error ? error.message : m.shared_failed();
}
