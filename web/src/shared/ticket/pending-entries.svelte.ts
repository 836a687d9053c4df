// What a person has sent, and the page does not show yet.
import type { OutboxEntry, TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../api";
import { m } from "../messages";
import { connection } from "../page/connection.svelte";
import { readable } from "../parts/sources";

export class PendingEntries {
  private readonly outbox;
  /** The key of the entry that a button changes at this moment. */
  busyKey = $state<string | null>(null);
  /** The last change, if it has failed, and why. */
  failure = $state.raw<{ readonly key: string; readonly reason: string } | null>(null);

  /** @param isHere Whether an entry belongs to this part of the page, which does not show it yet. */
  constructor(
    client: TicketwireClient,
    private readonly isHere: (entry: OutboxEntry) => boolean,
  ) {
    this.outbox = readable(client.outbox);
    void client.outbox.load();
  }

  readonly all = $derived.by(() => this.outbox().entries.filter(this.isHere));

  /** Change an entry. A second click does nothing while the first change is still running. */
  async change({ key }: OutboxEntry, run: () => Promise<void>): Promise<void> {
    if (this.busyKey !== null) return;
    this.busyKey = key;
    this.failure = null;
    try {
      await run();
    } catch (error) {
      this.failure = { key, reason: messageOf(error) };
    } finally {
      this.busyKey = null;
    }
  }
}

/** Whether the page, which is current up to a cursor, includes what an entry has changed. */
export function isIncluded(entry: OutboxEntry, cursor: string | undefined): boolean {
  return entry.state === "sent" && entry.cursor !== undefined && (cursor ?? "") >= entry.cursor;
}

/** Whether the person must decide what happens to an entry. */
export function needsDecision({ state }: OutboxEntry): boolean {
  return state === "refused" || state === "uncertain";
}

export function stateText(entry: OutboxEntry): string {
  switch (entry.state) {
    case "uncertain":
      return m.drafts_uncertain();
    case "refused":
      return m.drafts_not_sent({ reason: entry.userErrors?.[0]?.message ?? m.drafts_refused() });
    default:
      return connection.state === "Live" ? m.drafts_sending() : m.drafts_sent_later();
  }
}
