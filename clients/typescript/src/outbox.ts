import type { Clock } from "./clock.js";
import { isTransient } from "./errors.js";
import { Listeners } from "./listeners.js";
import type { Payload } from "./mutation.js";
import { isErrorOfAllEntries, createKey, toUserError } from "./outbox-entry.js";
import type { OutboxEntry, SentDraft } from "./outbox-entry.js";
import { Backoff } from "./recovery.js";
import type { Recovery } from "./recovery.js";
import type { Changes, Storage } from "./storage.js";

/** The server keeps keys for 24 hours. After this time a repetition might be a second reply. */
const MAX_RESEND_MS = 23 * 3_600_000;
const SENT_ENTRY_MS = 30_000;

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
  /** Tells the other tabs that the outbox has changed. */
  readonly notifyOtherTabs: () => void;
  /** Tells the listeners of drafts, here and in the other tabs, that the outbox has changed one. */
  readonly draftsChanged: () => void;
}

/** The unsent replies, notes and other mutations of one person in this browser, in order. */
export class Outbox {
  private stored: readonly OutboxEntry[] = [];
  private sent: readonly OutboxEntry[] = [];
  private readonly listeners = new Listeners();
  private lastAddedAt = 0;
  private sending: Promise<void> | undefined;
  private readonly additions = new Set<Promise<unknown>>();
  private isWaiting = false;
  private isClosed = false;
  private hasMore = false;

  private readonly backoff: Backoff;

  constructor(private readonly services: OutboxServices) {
    this.backoff = new Backoff(services.recovery);
  }

  /** The entries in the order in which they were added; those that were just sent come last. */
  get entries(): readonly OutboxEntry[] {
    // For a moment, an entry that was sent is still stored.
    const sentKeys = new Set(this.sent.map((each) => each.key));
    return [...this.stored.filter((each) => !sentKeys.has(each.key)), ...this.sent];
  }

  /** Calls a function after changes of the entries. Returns a function that ends this. */
  subscribe(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  /**
   * Stores a mutation and sends it as soon as possible. Resolves when the browser has stored it.
   *
   * @param draft The draft that the mutation sends, as its key or with its revision. It is deleted
   *   in the same transaction, but with a revision only if no other tab has changed it.
   */
  add(
    document: string,
    input: Readonly<Record<string, unknown>>,
    draft?: string | SentDraft,
  ): Promise<OutboxEntry> {
    const addition = this.store(document, input, draft);
    this.additions.add(addition);
    const ended = (): boolean => this.additions.delete(addition);
    addition.then(ended, ended);
    return addition;
  }

  private async store(
    document: string,
    input: Readonly<Record<string, unknown>>,
    draft?: string | SentDraft,
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
    await this.write(entry, draft);
    await this.changed();
    void this.send();
    return entry;
  }

  private async write(entry: OutboxEntry, draft?: string | SentDraft): Promise<void> {
    const outbox = { [entry.key]: entry };
    const storage = await this.services.storage;
    if (draft === undefined) return void (await storage.write({ outbox }));
    const { key, revision } = typeof draft === "string" ? { key: draft, revision: null } : draft;
    const change = (current: object | undefined): Changes => {
      const isSent = revision === null || revision === (current as SentDraft | undefined)?.revision;
      return { outbox, ...(isSent && { drafts: { [key]: undefined } }) };
    };
    await storage.write(change, { table: "drafts", key, holds: () => true });
    this.services.draftsChanged();
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

  /**
   * Reads what another tab has changed, and sends it, in case that tab is closed before it has sent
   * it. While this tab waits for its next attempt, it only reads: each attempt changes the entry,
   * so two tabs without a connection would make each other try again at once.
   */
  takeOver(): void {
    const sendUnlessWaiting = (): void => {
      if (!this.isWaiting) void this.send();
    };
    // An error is of IndexedDB: the next change, or the next page, tries again.
    this.load().then(sendUnlessWaiting, () => undefined);
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
  send(): Promise<void> {
    this.hasMore = true;
    this.sending ??= this.sendAll();
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    await null; // `sending` is set before it is deleted
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
      this.sending = undefined;
    }
  }

  private sendLater(delayMs: number): void {
    if (this.isWaiting || this.isClosed) return;
    this.isWaiting = true;
    const retry = (): Promise<void> => {
      this.isWaiting = false;
      return this.send();
    };
    this.backoff.wait(delayMs).then(retry, () => undefined); // the client is closed
  }

  /** Sends nothing more. Resolves when what is running has ended. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled([this.sending, ...this.additions]);
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
        if (isErrorOfAllEntries(error)) {
          this.hasMore = false; // others would fail, too
          return error.retryAfterMs ?? 0;
        }
        if (isTransient(error)) failedTickets.add(ticketId);
        else await this.refuse(entry.key, error);
      }
    }
    return failedTickets.size ? 0 : undefined;
  }

  private async sendOne({ key }: OutboxEntry): Promise<void> {
    const now = this.services.clock.now();
    // Stored before the request, because the page may end at any moment after it.
    const entry = await this.update(key, ({ firstSentAt = now }) =>
      now - firstSentAt > MAX_RESEND_MS ? { state: "uncertain" } : { firstSentAt },
    );
    if (entry?.state !== "waiting") return; // discarded, or sent by another tab
    const { cursor, userErrors } = await this.services.send(entry);
    this.backoff.reset();
    if (userErrors?.length) {
      await this.update(key, () => ({ state: "refused", userErrors }));
    } else if (cursor == null) {
      await this.update(key, () => ({ state: "uncertain" })); // the document lacks what tells
    } else {
      const sent: OutboxEntry = { ...entry, state: "sent", cursor };
      this.sent = [...this.sent, sent];
      await this.discard(key);
      this.hideLater(sent);
    }
  }

  private async refuse(key: string, error: unknown): Promise<void> {
    await this.update(key, () => ({ state: "refused", userErrors: [toUserError(error)] }));
  }

  private hideLater(entry: OutboxEntry): void {
    this.services.clock.schedule(() => {
      this.sent = this.sent.filter((each) => each !== entry);
      this.listeners.notify();
    }, SENT_ENTRY_MS);
  }

  /**
   * Changes an entry that waits. Returns the new one, or undefined if another tab, or the person,
   * has ended it in the meantime.
   */
  private async update(
    key: string,
    fieldsOf: (current: OutboxEntry) => Partial<OutboxEntry>,
  ): Promise<OutboxEntry | undefined> {
    const holds = (current: object | undefined): boolean =>
      (current as OutboxEntry | undefined)?.state === "waiting";
    let updated: OutboxEntry | undefined;
    const change = (current: object | undefined): Changes => {
      const entry = current as OutboxEntry;
      updated = { ...entry, ...fieldsOf(entry) };
      return { outbox: { [key]: updated } };
    };
    const storage = await this.services.storage;
    const isStored = await storage.write(change, { table: "outbox", key, holds });
    await this.changed();
    return isStored ? updated : undefined;
  }

  private async changed(): Promise<void> {
    await this.load();
    this.services.notifyOtherTabs();
  }
}
