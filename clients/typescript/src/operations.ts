import type { Clock } from "./clock.js";
import { laterCursor, LOG_START } from "./cursor.js";
import type { Cursor } from "./cursor.js";
import type { Operation, Variables } from "./document.js";
import { isTransient, NetworkError, RequestError, SessionExpiredError, toError } from "./errors.js";
import { payloadOf } from "./mutation.js";
import { normalize } from "./normalize.js";
import type { Normalized } from "./normalize.js";
import { Backoff } from "./recovery.js";
import type { Recovery } from "./recovery.js";
import type { Freshness, Store } from "./store.js";
import type { GraphQLRequest, GraphQLResponse, Transport } from "./transport.js";

/** How long a mutation with an idempotency key is repeated while the server can't be reached. */
const MAX_OFFLINE_MS = 300_000;

export interface OperationServices {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly recovery: Recovery;
  readonly store: Store;
  readonly sessionExpired: () => void;
  /** Tells the other tabs what a mutation has returned. */
  readonly share: (records: Normalized["records"], freshness: Freshness) => void;
}

/** The data of a query, and the cursor up to which it includes everything. */
export interface QueryResult {
  readonly data: object;
  readonly cursor: Cursor | undefined;
}

export interface QueryOptions {
  /** Returns how often the query may be sent. It is asked before each repetition. */
  readonly maxAttempts: () => number;
  /** Tells whether the root fields are stored, because something shows the query. */
  readonly isShown: () => boolean;
}

/** Executes queries and mutations, and writes their responses to the store. */
export class Operations {
  constructor(private readonly services: OperationServices) {}

  /**
   * Executes a query, and repeats it after interruptions.
   *
   * @throws RequestError, NetworkError or SessionExpiredError. The store is unchanged then.
   */
  async query(
    operation: Operation,
    variables: Variables,
    options: QueryOptions,
  ): Promise<QueryResult> {
    return this.repeat(options.maxAttempts, true, async () => {
      const begun = this.services.store.beginRequest();
      const { data, extensions } = await this.execute({ query: operation.text, variables });
      const cursor = typeof extensions?.cursor === "string" ? extensions.cursor : undefined;
      const response = normalize(operation.selections, variables, data!);
      this.services.store.write(response, withCursor(begun, cursor), options.isShown());
      return { data: data!, cursor };
    });
  }

  /**
   * Executes a mutation, and repeats it after interruptions: up to `maxAttempts` times, and if
   * that is more than once, for five minutes while the server can't be reached.
   *
   * @returns The data. Its payload may have user errors.
   */
  async mutate(operation: Operation, variables: Variables, maxAttempts: number): Promise<object> {
    const { clock } = this.services;
    const end = clock.now() + MAX_OFFLINE_MS;
    return this.repeat(
      (error) =>
        maxAttempts > 1 && error instanceof NetworkError && clock.now() < end
          ? Infinity
          : maxAttempts,
      false,
      () => this.mutateOnce(operation, variables),
    );
  }

  /**
   * Executes a mutation once. A repetition while the first request is running fails as UNAVAILABLE.
   */
  async mutateOnce(operation: Operation, variables: Variables): Promise<object> {
    const begun = this.services.store.beginRequest();
    const { data } = await this.execute({ query: operation.text, variables });
    const { cursor, userErrors } = payloadOf(data!);
    if (userErrors?.some((each) => each.code === "IDEMPOTENCY_IN_PROGRESS")) {
      throw new RequestError(
        "UNAVAILABLE",
        "an earlier request with the same key is still running",
      );
    }
    if (!userErrors?.length) {
      const written = normalize(operation.selections, variables, data!);
      const freshness = withCursor(begun, cursor);
      this.services.store.write(written, freshness);
      this.services.share(written.records, { cursor: freshness.cursor });
    }
    return data!;
  }

  private async execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    try {
      const response = await this.services.transport.execute(request);
      // A response with errors may have nulls in place of data, so it is never stored.
      if (response.errors?.length || !response.data) throw toError(response.errors ?? []);
      return response;
    } catch (error) {
      if (error instanceof SessionExpiredError) this.services.sessionExpired();
      throw error;
    }
  }

  private async repeat<T>(
    maxAttempts: (error: unknown) => number,
    waitsForSession: boolean,
    run: () => Promise<T>,
  ): Promise<T> {
    const backoff = new Backoff(this.services.recovery);
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        const canRetry =
          isTransient(error) || (waitsForSession && error instanceof SessionExpiredError);
        if (!canRetry || attempt >= maxAttempts(error)) throw error;
        await backoff.wait(error instanceof RequestError ? error.retryAfterMs : undefined);
      }
    }
  }
}

/** A mutation without `cursor` and a query of some tokens have no cursor of their own. */
function withCursor(
  begun: ReturnType<Store["beginRequest"]>,
  cursor: Cursor | null | undefined,
): ReturnType<Store["beginRequest"]> {
  return { ...begun, cursor: laterCursor(begun.cursor, cursor ?? LOG_START) };
}
