import type { Clock } from "./clock.js";
import { NetworkError } from "./errors.js";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

interface Waiter {
  /** Not even `wake` ends the wait before this time, because the server has asked for the delay. */
  readonly notBefore: number;
  /** When the wait ends without a `wake`. */
  readonly due: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Decides when everything that was interrupted is tried again: after growing random delays, at once
 * when the browser is online or visible again, and never while the session has expired.
 */
export class Recovery {
  /** Increases with each `wake`, which makes all delays start from the shortest again. */
  period = 0;
  private waiters = new Set<Waiter>();
  private cancelTimer: (() => void) | undefined;
  private isPausedNow = false;
  private isClosed = false;

  constructor(private readonly clock: Clock) {}

  /** Whether the session has expired. */
  get isPaused(): boolean {
    return this.isPausedNow;
  }

  /**
   * Resolves when it is time for the next attempt.
   *
   * @param failures How often the caller has failed since its last success.
   * @param minimumMs The delay for which the server has asked.
   * @throws NetworkError if the client is closed.
   */
  wait(failures: number, minimumMs = 0): Promise<void> {
    const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
    // The random part keeps the clients of a restarted server apart.
    const delay = longest * (0.5 + 0.5 * this.clock.random());
    const now = this.clock.now();
    return new Promise((resolve, reject) => {
      if (this.isClosed) return reject(closedError());
      const due = now + Math.max(delay, minimumMs);
      this.waiters.add({ notBefore: now + minimumMs, due, resolve, reject });
      this.startTimer();
    });
  }

  private startTimer(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (this.isPausedNow || !this.waiters.size) return;
    const due = Math.min(...[...this.waiters].map((waiter) => waiter.due));
    const delay = Math.max(0, due - this.clock.now());
    this.cancelTimer = this.clock.schedule(() => this.release("due", due), delay);
  }

  private release(limit: "due" | "notBefore", time: number): void {
    for (const waiter of this.waiters) {
      if (waiter[limit] > time) continue;
      this.waiters.delete(waiter);
      waiter.resolve();
    }
    this.startTimer();
  }

  /** Tries again now. Call it when the network or the page is back. */
  wake(): void {
    this.period++;
    if (!this.isPausedNow) this.release("notBefore", this.clock.now());
  }

  /** Stops all attempts until `resume`. Call it when the session has expired. */
  pause(): void {
    this.isPausedNow = true;
    this.startTimer();
  }

  /** Continues after `pause`. Call it when the person has signed in again. */
  resume(): void {
    this.isPausedNow = false;
    this.wake();
  }

  /** Ends all waits with an error. */
  close(): void {
    this.isClosed = true;
    this.pause();
    for (const { reject } of this.waiters) reject(closedError());
    this.waiters.clear();
  }
}

function closedError(): Error {
  return new NetworkError("the client was closed");
}

/** The failures of one operation since its last success, which decide how long it waits. */
export class Backoff {
  private failures = 0;
  private period: number;

  constructor(private readonly recovery: Recovery) {
    this.period = recovery.period;
  }

  /** Resolves when it is time for the next attempt. */
  wait(minimumMs?: number): Promise<void> {
    if (this.period !== this.recovery.period) this.reset();
    return this.recovery.wait(++this.failures, minimumMs);
  }

  /** Begins with short delays again, after a success. */
  reset(): void {
    this.failures = 0;
    this.period = this.recovery.period;
  }
}
