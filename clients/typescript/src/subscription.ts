import type { Clock } from "./clock.js";
import { isTransient, NetworkError, RequestError, SessionExpiredError, toError } from "./errors.js";
import { Backoff } from "./recovery.js";
import type { Recovery } from "./recovery.js";
import type { GraphQLRequest, GraphQLResponse, Transport } from "./transport.js";

export type SubscriptionStatus =
  "connecting" | "live" | "interrupted" | "signed-out" | "failed" | "closed";

export interface SubscriptionOptions {
  /** Returns the request for the next attempt, with the cursor that it resumes after. */
  readonly request: () => GraphQLRequest;
  readonly next: (data: object) => void;
  /** Called before each request. The request waits for the promise, if there is one. */
  readonly prepare?: () => Promise<void> | undefined;
  /** Called when the request was sent. The status is live then, otherwise with the first item. */
  readonly connected?: () => void;
  /** Called before the first item of each attempt can arrive. */
  readonly started?: () => void;
  /** Called if the server no longer knows the cursor: the next request must not have one. */
  readonly cursorLost?: () => void;
  readonly statusChanged?: () => void;
  /** The time without an item after which the subscription is started again, in milliseconds. */
  readonly deadlineMs?: number;
}

export interface SubscriptionServices {
  readonly transport: Transport;
  readonly recovery: Recovery;
  readonly clock: Clock;
  readonly sessionExpired: () => void;
  /** All subscriptions that are not closed. */
  readonly subscriptions: Set<Subscription>;
}

const LOST_CURSOR_CODES = new Set(["CURSOR_EXPIRED", "CURSOR_INVALID"]);

/** A subscription that is started again after every interruption, until it is closed or fails. */
export class Subscription {
  /** The reason, if the status is failed. */
  error: Error | undefined;
  private state: SubscriptionStatus = "connecting";
  /** The number of the current attempt. Items of earlier ones are ignored. */
  private attempt = 0;
  private readonly backoff: Backoff;
  private end: (() => void) | undefined;
  private cancelDeadline: (() => void) | undefined;

  constructor(
    private readonly services: SubscriptionServices,
    private readonly options: SubscriptionOptions,
  ) {
    this.backoff = new Backoff(services.recovery);
    services.subscriptions.add(this);
    this.start();
  }

  get status(): SubscriptionStatus {
    return this.state;
  }

  private start(): void {
    if (this.state === "closed") return;
    const attempt = ++this.attempt;
    const preparation = this.options.prepare?.();
    if (!preparation) return this.connect(attempt);
    preparation.then(
      () => attempt === this.attempt && this.connect(attempt),
      (error: unknown) => attempt === this.attempt && this.interrupt(toError(error)),
    );
  }

  private connect(attempt: number): void {
    const isCurrent = (): boolean => attempt === this.attempt;
    this.options.started?.();
    this.restartDeadline();
    const end = this.services.transport.subscribe(this.options.request(), {
      connected: () => isCurrent() && this.connected(),
      next: (response) => isCurrent() && this.receive(response),
      error: (error) => isCurrent() && this.interrupt(error),
      complete: () =>
        isCurrent() && this.interrupt(new NetworkError("the server ended the subscription")),
    });
    if (isCurrent()) this.end = end;
    else end();
  }

  private connected(): void {
    if (!this.options.connected) return;
    this.setStatus("live");
    this.options.connected();
  }

  private receive(response: GraphQLResponse): void {
    if (response.errors?.length || !response.data)
      return this.interrupt(toError(response.errors ?? "no data"));
    this.backoff.reset();
    this.restartDeadline();
    this.setStatus("live");
    this.options.next(response.data);
  }

  /** Starts the subscription again, at once or when the services allow it. */
  private interrupt(error: Error): void {
    this.stop();
    if (error instanceof SessionExpiredError) this.services.sessionExpired();
    const isCursorLost = error instanceof RequestError && LOST_CURSOR_CODES.has(error.code);
    if (isCursorLost) this.options.cursorLost?.();
    const canRetry =
      isTransient(error) ||
      error instanceof SessionExpiredError ||
      (isCursorLost && this.options.cursorLost);
    if (!canRetry) {
      this.error = error;
      return this.setStatus("failed");
    }
    this.setStatus(this.services.recovery.isPaused ? "signed-out" : "interrupted");
    const attempt = this.attempt;
    const retryAfterMs = error instanceof RequestError ? error.retryAfterMs : undefined;
    const restart = (): void => {
      if (attempt === this.attempt) this.start();
    };
    this.backoff.wait(retryAfterMs).then(restart, () => undefined); // the client is closed
  }

  /** Shows that it waits for a new session, also if it waited for the network before. */
  sessionExpired(): void {
    if (this.state === "interrupted") this.setStatus("signed-out");
  }

  private stop(): void {
    this.attempt++;
    this.cancelDeadline?.();
    this.end?.();
    this.end = undefined;
  }

  private restartDeadline(): void {
    const { deadlineMs } = this.options;
    if (deadlineMs === undefined) return;
    this.cancelDeadline?.();
    const expire = (): void =>
      this.interrupt(new NetworkError("no item arrived before the deadline"));
    this.cancelDeadline = this.services.clock.schedule(expire, deadlineMs);
  }

  private setStatus(status: SubscriptionStatus): void {
    if (status === this.state) return;
    this.state = status;
    this.options.statusChanged?.();
  }

  close(): void {
    this.services.subscriptions.delete(this);
    this.stop();
    this.setStatus("closed");
  }
}
