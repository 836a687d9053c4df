/** An error of the server: `extensions.code` tells the kind (docs/api.md, "Handle errors"). */
export class RequestError extends Error {
  override readonly name = "RequestError";

  constructor(
    readonly code: string,
    message: string,
    /** How long to wait before a repetition, in milliseconds, if the server said so. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** The server could not be reached, or the connection ended before the response. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  /** @param closeCode The code with which the server closed the socket, if it did. */
  constructor(
    message: string,
    readonly closeCode?: number,
  ) {
    super(message);
  }
}

/** The session has ended: the person must sign in again. */
export class SessionExpiredError extends Error {
  override readonly name = "SessionExpiredError";
}

const TRANSIENT_CODES = new Set(["UNAVAILABLE", "INTERNAL", "RATE_LIMITED"]);
const CLOSED_FORBIDDEN = 4403;

/** Tells whether a repetition may succeed without a change by the person. */
export function isTransient(error: unknown): boolean {
  if (error instanceof RequestError) return TRANSIENT_CODES.has(error.code);
  return error instanceof NetworkError;
}

interface GraphQLErrorLike {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown; readonly retryAfterMs?: unknown } | undefined;
}

/** Converts what a GraphQL response or a socket reports into one of the errors above. */
export function toError(reason: unknown): Error {
  if (Array.isArray(reason) && reason.length)
    return fromGraphQLError(reason[0] as GraphQLErrorLike);
  if (reason instanceof RequestError || reason instanceof SessionExpiredError) return reason;
  const { code } = (reason ?? {}) as { code?: unknown };
  if (code === CLOSED_FORBIDDEN)
    return new SessionExpiredError("the token is unknown or has ended");
  if (typeof code === "number")
    return new NetworkError(`the connection was closed with code ${code}`, code);
  return reason instanceof NetworkError ? reason : new NetworkError(String(reason));
}

function fromGraphQLError({ message, extensions }: GraphQLErrorLike): Error {
  const code = typeof extensions?.code === "string" ? extensions.code : "INTERNAL";
  if (code === "UNAUTHENTICATED") return new SessionExpiredError(message);
  const retryAfterMs = extensions?.retryAfterMs;
  return typeof retryAfterMs === "number"
    ? new RequestError(code, message, retryAfterMs)
    : new RequestError(code, message);
}
