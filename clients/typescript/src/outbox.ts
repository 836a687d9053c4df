import type { Clock } from "./clock.js";
import type { Cursor } from "./cursor.js";
import { isTransient, NetworkError, RequestError, SessionExpiredError } from "./errors.js";
import { Listeners } from "./listeners.js";
import type { Payload, UserError } from "./mutation.js";
import type { Recovery } from "./recovery.js";
import type { Storage } from "./storage.js";

/**
 * The server keeps idempotency keys for 24 hours. After this time a repetition might be a second
 * reply.
 */
const MAX_RESEND_MS = 23 * 3_600_000;
const SENT_ENTRY_MS = 30_000;

/**
 * - waiting: it will be sent
 * - sent: the server has stored it; shown for some seconds, until the timeline shows it
 * - refused: the server has refused it; edit or discard it
 * - uncertain: nobody knows whether the server has stored it, and a repetition is no longer safe
 */
export type OutboxState = "waiting" | "sent" | "refused" | "uncertain";

/** A mutation that is kept until the server has executed it once. */
export interface OutboxEntry {
  /** The idempotency key. It is part of the input. */
  readonly key: string;
  /** The text of the mutation. */
  readonly document: string;
  readonly variables: { readonly input: Readonly<Record<string, unknown>> };
  readonly addedAt: number;
  /** The time of the first attempt. */
  readonly firstSentAt?: number;
  readonly state: OutboxState;
  /** The reasons, if the state is refused. */
  readonly userErrors?: readonly UserError[];
  /** The cursor of the mutation, if the state is sent. */
  readonly cursor?: Cursor | undefined;
}

export interface OutboxServices {
  readonly storage: Promise<Storage>;
  readonly clock: Clock;
  readonly recovery: Recovery;
  /** Rejects if the session is not one of the person who has written the entries. */
  readonly verifyAccount: () => Promise<void>;
  /** Executes a mutation once, and writes its response to the store. */
  readonly send: (entry: OutboxEntry) => Promise<Payload>;
  /** Runs a function while no other tab sends. */
  readonly exclusively: <T>(run: () => Promise<T>) => Promise<T>;
  readonly postChange: () => void;
  readonly draftsChanged: () => void;
}

/** The unsent replies, notes and other mutations of one person in this browser, in order. */
export class Outbox {
  private stored: readonly OutboxEntry[] = [];
  private sent: readonly OutboxEntry[] = [];
  private readonly listeners = new Listeners();
  private lastAddedAt = 0;
  private isSending = false;
  private isWaiting = false;
  private isClosed = false;
  private hasMore = false;

  constructor(private readonly services: OutboxServices) {}

  /** The entries in the order in which they were added; those that were just sent come last. */
  get entries(): readonly OutboxEntry[] {
    return [...this.stored, ...this.sent];
  }

  /** Calls a function after changes of the entries. Returns a function that ends this. */
  subscribe(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  /**
   * Stores a mutation and sends it as soon as possible. Resolves when the browser has stored it.
   *
   * @param draftKey The draft that the mutation sends. It is deleted in the same transaction.
   */
  async add(
    document: string,
    input: Readonly<Record<string, unknown>>,
    draftKey?: string,
  ): Promise<OutboxEntry> {
    const key = typeof input.idempotencyKey === "string" ? input.idempotencyKey : createKey();
    // As JSON, because it is sent as JSON, and proxies of frameworks can't be stored.
    const plain = JSON.parse(JSON.stringify(input)) as Record<string, unknown>;
    const variables = { input: { ...plain, idempotencyKey: key } };
    const entry: OutboxEntry = {
      key,
      document,
      variables,
      addedAt: this.nextTime(),
      state: "waiting",
    };
    const drafts = draftKey === undefined ? {} : { drafts: { [draftKey]: undefined } };
    await (await this.services.storage).write({ outbox: { [key]: entry }, ...drafts });
    if (draftKey !== undefined) this.services.draftsChanged();
    await this.changed();
    void this.send();
    return entry;
  }

  /** Returns the time, and never the same one twice, so that entries keep their order. */
  private nextTime(): number {
    this.lastAddedAt = Math.max(this.services.clock.now(), this.lastAddedAt + 1);
    return this.lastAddedAt;
  }

  /** Removes an entry that was refused or is uncertain, or that has not been sent yet. */
  async discard(key: string): Promise<void> {
    await (await this.services.storage).write({ outbox: { [key]: undefined } });
    await this.changed();
  }

  /** Reads the entries again, because another tab may have changed them. */
  async load(): Promise<void> {
    const entries = await (await this.services.storage).readAll<OutboxEntry>("outbox");
    this.stored = entries.sort((a, b) => a.addedAt - b.addedAt || (a.key < b.key ? -1 : 1));
    this.listeners.notify();
  }

  /**
   * Sends all entries that wait, one after another. Those that can't be sent are tried again later.
   */
  async send(): Promise<void> {
    this.hasMore = true;
    if (this.isSending) return;
    this.isSending = true;
    try {
      while (this.hasMore && !this.isClosed) {
        this.hasMore = false;
        const isPaused = this.services.recovery.isPaused;
        const delayMs = isPaused ? 0 : await this.services.exclusively(() => this.sendWaiting());
        if (delayMs !== undefined) this.sendLater(delayMs);
      }
    } catch {
      this.sendLater(0); // IndexedDB has failed, or a lock was not granted
    } finally {
      this.isSending = false;
    }
  }

  private sendLater(delayMs: number): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    void this.services.recovery.wait(delayMs).then(() => {
      this.isWaiting = false;
      return this.send();
    });
  }

  close(): void {
    this.isClosed = true;
  }

  /**
   * Sends what waits. Returns the least delay in milliseconds if some must wait for another
   * attempt.
   */
  private async sendWaiting(): Promise<number | undefined> {
    await this.load(); // another tab may have sent some of them
    const failedTickets = new Set<unknown>();
    for (const entry of this.stored) {
      const { ticketId } = entry.variables.input;
      // Messages of one ticket stay in order.
      if (this.isClosed || entry.state !== "waiting" || failedTickets.has(ticketId)) continue;
      try {
        await this.services.verifyAccount();
        await this.sendOne(entry);
      } catch (error) {
        if (concernsAll(error)) {
          this.hasMore = false; // others would fail, too
          return error.retryAfterMs ?? 0;
        }
        if (isTransient(error)) failedTickets.add(ticketId);
        else await this.update(entry, { state: "refused", userErrors: [toUserError(error)] });
      }
    }
    return failedTickets.size ? 0 : undefined;
  }

  private async sendOne(entry: OutboxEntry): Promise<void> {
    const now = this.services.clock.now();
    const firstSentAt = entry.firstSentAt ?? now;
    if (now - firstSentAt > MAX_RESEND_MS) return this.update(entry, { state: "uncertain" });
    // Stored before the request, because the page may end at any moment after it.
    if (entry.firstSentAt === undefined) await this.update(entry, { firstSentAt });
    const { cursor, userErrors } = await this.services.send(entry);
    if (userErrors?.length)
      return this.update({ ...entry, firstSentAt }, { state: "refused", userErrors });
    this.showSent({ ...entry, state: "sent", cursor });
    await this.discard(entry.key);
  }

  private showSent(entry: OutboxEntry): void {
    this.sent = [...this.sent, entry];
    this.services.clock.schedule(() => {
      this.sent = this.sent.filter((each) => each !== entry);
      this.listeners.notify();
    }, SENT_ENTRY_MS);
  }

  private async update(entry: OutboxEntry, fields: Partial<OutboxEntry>): Promise<void> {
    // Another tab may have discarded the entry in the meantime.
    const condition = {
      table: "outbox",
      key: entry.key,
      holds: (current: object | undefined) => current !== undefined,
    } as const;
    await (
      await this.services.storage
    ).write({ outbox: { [entry.key]: { ...entry, ...fields } } }, condition);
    await this.changed();
  }

  private async changed(): Promise<void> {
    await this.load();
    this.services.postChange();
  }
}

/** Returns a random key. crypto.randomUUID exists only on pages with HTTPS. */
function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function concernsAll(error: unknown): error is { readonly retryAfterMs?: number } {
  const isRateLimited = error instanceof RequestError && error.retryAfterMs !== undefined;
  return isRateLimited || error instanceof NetworkError || error instanceof SessionExpiredError;
}

function toUserError(error: unknown): UserError {
  const { message } = error as Error;
  return { code: error instanceof RequestError ? error.code : "INTERNAL", message };
}
