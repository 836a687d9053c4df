import type { Cursor } from "./cursor.js";
import { prepare } from "./document.js";
import type { TypedDocument, Variables } from "./document.js";
import { reportError } from "./listeners.js";
import { payloadOf } from "./mutation.js";
import { normalize } from "./normalize.js";
import type { Store } from "./store.js";
import { Subscription } from "./subscription.js";
import type { SubscriptionServices } from "./subscription.js";

type MaybeCursor = Cursor | null | undefined;

/** What `follow` passes on. */
export interface FollowOptions<Result, Input> {
  readonly variables?: Omit<Input, "after">;
  /**
   * Begin after this cursor. Null begins with the next item. A function is asked at each start
   * before the first item.
   */
  readonly after?: Cursor | null | (() => MaybeCursor);
  /** Whether the subscription has the argument `after`. Default: true. */
  readonly canResume?: boolean;
  /** Whether `cursor` of the item is one of the log. False for `notifications`. Default: true. */
  readonly isLogCursor?: boolean;
  readonly next: (data: Result) => void;
  /**
   * Called if items may be lost: the server no longer has those after the cursor, or there is no
   * cursor after an interruption. Read everything again, and return a promise of the cursor up to
   * which you have read it: the subscription resumes after it, so that nothing is lost in between.
   */
  readonly gap?: () => unknown;
  readonly statusChanged?: () => void;
}

/** Follows a subscription, and resumes it after its last cursor. */
export function follow<Result extends object, Input>(
  store: Store,
  services: SubscriptionServices,
  document: TypedDocument<Result, Input>,
  options: FollowOptions<Result, Input>,
): Subscription {
  const operation = prepare(document);
  const variables = (options.variables ?? {}) as Variables;
  const { after: first = null, canResume = true, isLogCursor = true } = options;
  let after: Cursor | null = null;
  let isLost = false;
  let starts = 0;

  const findStart = (): Cursor | null => {
    const start = typeof first === "function" ? first() : first;
    return after ?? (isLost ? null : (start ?? null));
  };
  const closeGap = async (read: Promise<unknown>): Promise<void> => {
    const cursor = await read;
    if (typeof cursor === "string") after = cursor;
  };

  const tellGap = (): Promise<void> | undefined => {
    try {
      const read = options.gap?.();
      return read instanceof Promise ? closeGap(read) : undefined;
    } catch (error) {
      return void reportError(error);
    }
  };

  return new Subscription(services, {
    prepare: () => {
      if (starts++ === 0 || !canResume || findStart() !== null) return;
      return tellGap();
    },
    request: () => ({
      query: operation.text,
      variables: { ...variables, ...(canResume && { after: findStart() }) },
    }),
    connected: () => {
      // What arrives from now on is not lost.
      if (starts > 1 && !canResume) tellGap()?.catch(reportError);
    },
    next: (data) => {
      const { cursor } = payloadOf(data);
      after = cursor ?? after; // also if `next` throws, so that the item does not come again
      const written = normalize(operation.selections, variables, data);
      if (isLogCursor) store.write(written, { cursor: cursor ?? undefined });
      try {
        options.next(data as Result);
      } catch (error) {
        reportError(error);
      }
    },
    cursorLost: () => {
      after = null;
      isLost = true;
    },
    ...(options.statusChanged && { statusChanged: options.statusChanged }),
  });
}
