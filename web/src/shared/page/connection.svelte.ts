// Whether what the page shows is current.
import type { SubscriptionStatus } from "@ticketwire/client";
import { serverTime } from "../time/server-time.svelte";

/** An interruption that lasts longer is not called "Reconnecting" any more. */
const OFFLINE_AFTER_MS = 5_000;

class Connection {
  private lastMessageAt = $state(Date.now());
  private interruptedAt = $state<number | null>(null);
  private isOnline = $state(navigator.onLine);
  status = $state<SubscriptionStatus>("connecting");

  constructor() {
    const check = (): boolean => (this.isOnline = navigator.onLine);
    addEventListener("online", check);
    addEventListener("offline", check);
  }

  /** Note that the server has sent something. */
  readonly heard = (): void => {
    this.lastMessageAt = serverTime.now;
  };

  follow(status: SubscriptionStatus): void {
    if (status === "live") this.interruptedAt = null;
    else this.interruptedAt ??= serverTime.now;
    this.status = status;
  }

  readonly state = $derived.by((): "Connecting" | "Live" | "Reconnecting" | "Offline" => {
    if (this.isOnline && this.status === "live") return "Live";
    if (!this.isOnline || this.status === "failed") return "Offline";
    const since = this.interruptedAt ?? serverTime.now;
    if (serverTime.now - since > OFFLINE_AFTER_MS) return "Offline";
    return this.status === "connecting" ? "Connecting" : "Reconnecting";
  });

  /** The time of the server's last message, while the page is offline. */
  readonly asOf = $derived(this.state === "Offline" ? new Date(this.lastMessageAt) : null);
}

export const connection = new Connection();

/** A WebSocket that tells when the server has sent something. */
export class WatchedSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    this.addEventListener("message", connection.heard);
  }
}
