// The state of the screen: it asks the server again and again, and each response is a sign of life.
import { request } from "./request";
import { hasPage, isReloadDue, noteReload } from "./reload";
import { Samples } from "./samples";
import type { BoardState, StateResponse } from "./state";

/** Without a response for so long, the board is stale. */
export const STALE_MS = 30_000;
/** Without a response for so long, the connection is interrupted: the server responds within 5 s. */
const INTERRUPTED_MS = 12_000;
const MIN_INTERVAL_MS = 1000;
const MAX_RETRY_MS = 10_000;
const PATH = "/wall/session";

export type Problem = "" | "TOO_MANY" | "INSECURE";

export class Wall {
  board: BoardState | null = $state.raw(null);
  samples: Samples | null = null;
  /** The code to approve; empty unless the screen waits for that. */
  code = $state.raw("");
  problem: Problem = $state.raw("");
  /** The server's time in milliseconds. It advances each second. */
  now = $state.raw(Date.now());
  /** The server's time at which the content was current; null before the first response. */
  freshAt: number | null = $state.raw(null);
  /** How long ago that was, by a clock that nobody sets. */
  ageMs = $state.raw(0);

  private receivedAt = 0;
  private failures = 0;
  private wake: () => void = () => undefined;

  readonly isStale = $derived(this.freshAt !== null && this.ageMs >= STALE_MS);
  readonly isInterrupted = $derived(this.ageMs >= INTERRUPTED_MS);

  /** Begin to ask, for as long as the page is open. */
  start(): void {
    setInterval(() => this.tick(), 1000);
    addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => this.wake());
    void this.run();
  }

  private tick(): void {
    this.ageMs = performance.now() - this.receivedAt;
    this.now = (this.freshAt ?? Date.now()) + (this.freshAt === null ? 0 : this.ageMs);
  }

  private async run(): Promise<never> {
    for (;;) {
      const startedAt = performance.now();
      let isRetry = false;
      try {
        await this.ask();
        this.failures = 0;
      } catch {
        this.failures += 1;
        isRetry = true;
      }
      const usual = MIN_INTERVAL_MS - (performance.now() - startedAt);
      await this.sleep(isRetry ? this.retryMs() : usual);
    }
  }

  /** Twice as long after each failure, and different on each screen. */
  private retryMs(): number {
    const longest = Math.min(MAX_RETRY_MS, MIN_INTERVAL_MS * 2 ** Math.min(this.failures, 10));
    return longest * (0.5 + Math.random() / 2);
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ask once. Throws if there is no usable response. */
  private async ask(): Promise<void> {
    const after = this.board?.revision ?? (this.code && "pairing");
    const response = await request(`${PATH}/state${after ? `?after=${after}` : ""}`);
    if (response.status === 401) {
      this.board = null;
      await this.pair();
      return;
    }
    this.note(response.status);
    if (!response.ok) throw new Error(String(response.status));
    const state = (await response.json()) as StateResponse;
    this.receive(state.now, "asOf" in state ? state.asOf : state.now);
    if ("pairing" in state) {
      // also after a reload, and if another tab of this browser has asked for a new code
      this.code = state.pairing.code;
    } else {
      this.show(state);
    }
    await this.reloadFor(state.version);
  }

  /** Reload the page if the server has another version of it, and sends it. */
  private async reloadFor(version: string): Promise<void> {
    if (!isReloadDue(OWN_VERSION, version, sessionStorage, Date.now())) return;
    if ((await hasPage(version)) && noteReload(sessionStorage, Date.now())) location.reload();
  }

  private async pair(): Promise<void> {
    this.code = "";
    const response = await request(`${PATH}/pairing`, "POST");
    // staff have approved the screen in the meantime; the next request gets its board
    if (response.status === 409) return;
    this.note(response.status);
    if (!response.ok) throw new Error(String(response.status));
    const pairing = (await response.json()) as { code: string; now: string };
    this.receive(pairing.now, pairing.now);
    this.code = pairing.code;
  }

  private show(state: BoardState): void {
    this.code = "";
    const { board } = state.screen;
    if (this.samples === null || this.board?.screen.board !== board) {
      this.samples = new Samples(board, localStorage);
      history.replaceState(null, "", `/wall/${encodeURIComponent(board)}`);
    }
    this.samples.note(state.figures, this.now);
    this.board = state;
  }

  private receive(now: string, asOf: string): void {
    this.freshAt = Date.parse(asOf);
    this.receivedAt = performance.now() - (Date.parse(now) - this.freshAt);
    this.tick();
  }

  private note(status: number): void {
    this.problem = status === 429 ? "TOO_MANY" : status === 403 ? "INSECURE" : "";
  }
}

/** The version of this page, which the server has written into it. */
const OWN_VERSION =
  document.querySelector<HTMLMetaElement>('meta[name="ticketwire-version"]')?.content ?? "";
