import type { Clock } from "./clock.js";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/**
 * Decides when everything that was interrupted is tried again: after growing random delays, at once
 * when the browser is online or visible again, and never while the session has expired.
 */
export class Recovery {
  private attempts = 0;
  private waiting: Array<() => void> = [];
  private cancelTimer: (() => void) | undefined;
  private isPausedNow = false;

  constructor(private readonly clock: Clock) {}

  /** Whether the session has expired. */
  get isPaused(): boolean {
    return this.isPausedNow;
  }

  /** Resolves when it is time for the next attempt. All callers wait for the same time. */
  wait(minimumMs = 0): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (!this.cancelTimer && !this.isPausedNow) this.startTimer(minimumMs);
    });
  }

  private startTimer(minimumMs: number): void {
    const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.attempts++);
    // The random part keeps the clients of a restarted server apart.
    const delay = Math.max(minimumMs, longest * (0.5 + 0.5 * this.clock.random()));
    this.cancelTimer = this.clock.schedule(() => this.release(), delay);
  }

  private release(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Tries again now. Call it when the network or the page is back. */
  wake(): void {
    this.attempts = 0;
    if (!this.isPausedNow && this.waiting.length) this.release();
  }

  /** Begins with short delays again. Call it when the server has responded. */
  reset(): void {
    this.attempts = 0;
  }

  /** Stops all attempts until `resume`. Call it when the session has expired. */
  pause(): void {
    this.isPausedNow = true;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  /** Continues after `pause`. Call it when the person has signed in again. */
  resume(): void {
    this.isPausedNow = false;
    this.wake();
  }
}
