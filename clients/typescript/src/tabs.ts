import type { Freshness } from "./store.js";
import type { Normalized } from "./normalize.js";

/** What one tab tells the others. */
export type TabMessage =
  | {
      readonly type: "records";
      readonly records: Normalized["records"];
      readonly freshness: Freshness;
    }
  | { readonly type: "outbox-changed" }
  | { readonly type: "drafts-changed" }
  | { readonly type: "session-renewed" };

/** The part of the Web Locks API that is used (navigator.locks). */
export interface Locks {
  request<T>(name: string, callback: () => Promise<T>): Promise<T>;
}

/** The part of BroadcastChannel that is used. */
export interface Channel {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/**
 * The tabs of one person in one browser.
 *
 * Without BroadcastChannel, each tab learns from the server alone. Without Web Locks, two tabs may
 * send the same reply; the server then stores it once, because of its idempotency key.
 */
export class Tabs {
  private channel: Channel | undefined;

  constructor(
    private readonly name: string,
    private readonly locks: Locks | undefined,
    openChannel: ((name: string) => Channel) | undefined,
    receive: (message: TabMessage) => void,
  ) {
    try {
      this.channel = openChannel?.(name);
    } catch {
      this.channel = undefined; // an opaque origin, such as a sandboxed frame, may have no channels
    }
    if (this.channel) this.channel.onmessage = (event) => receive(event.data as TabMessage);
  }

  post(message: TabMessage): void {
    this.channel?.postMessage(message);
  }

  /** Runs a task while no other tab runs one under the same name. */
  async exclusively<T>(task: string, run: () => Promise<T>): Promise<T> {
    if (!this.locks) return run();
    let hasBegun = false;
    const begin = (): Promise<T> => {
      hasBegun = true;
      return run();
    };
    try {
      return await this.locks.request(`${this.name}:${task}`, begin);
    } catch (error) {
      if (hasBegun) throw error;
      return run(); // the browser refuses locks here, as in a sandboxed frame
    }
  }

  close(): void {
    if (this.channel) this.channel.onmessage = null;
    this.channel?.close();
    this.channel = undefined;
  }
}
