import { Listeners } from "./listeners.js";
import { storable } from "./storage.js";
import type { Storage } from "./storage.js";

/** An unsent text, as it is kept in this browser. */
export interface LocalDraft<Content = unknown> {
  /** The key that the application chose, for example `reply:` and the ticket's id. */
  readonly key: string;
  readonly content: Content;
  /** Rises with each change. Always greater than 0. */
  readonly revision: number;
  /** The time of the last change in milliseconds. */
  readonly savedAt: number;
}

/** Another tab has changed the draft since this tab has read it. */
export class DraftConflictError extends Error {
  override readonly name = "DraftConflictError";

  constructor(readonly current: LocalDraft | undefined) {
    super("another tab has changed the draft");
  }
}

/** The drafts of one person in this browser. They survive crashes and restarts. */
export class Drafts {
  private readonly listeners = new Listeners();
  private isClosed = false;

  constructor(
    private readonly storage: Promise<Storage>,
    private readonly now: () => number,
    private readonly notifyOtherTabs: () => void,
  ) {}

  async read<Content>(key: string): Promise<LocalDraft<Content> | undefined> {
    return (await this.storage).read<LocalDraft<Content>>("drafts", key);
  }

  async readAll(): Promise<LocalDraft[]> {
    return (await this.storage).readAll<LocalDraft>("drafts");
  }

  /**
   * Stores a draft. Resolves when the browser has stored it.
   *
   * @param revision The revision that this tab has read or saved last, 0 for a new draft.
   * @throws DraftConflictError if another tab was faster; nothing is stored then.
   */
  async save<Content>(
    key: string,
    content: Content,
    revision: number,
  ): Promise<LocalDraft<Content>> {
    const draft = { key, content: storable(content), revision: 0, savedAt: this.now() };
    // The time makes it higher than the revisions of a deleted draft with this key. So a tab that
    // still has the deleted draft gets a conflict.
    draft.revision = Math.max(revision + 1, draft.savedAt);
    await this.write(key, draft, revision);
    return draft;
  }

  /** Deletes a draft, under the same condition as `save`. */
  async discard(key: string, revision: number): Promise<void> {
    await this.write(key, undefined, revision);
  }

  private async write(key: string, draft: LocalDraft | undefined, revision: number): Promise<void> {
    const storage = await this.storage;
    if (this.isClosed) throw new Error("the drafts in this browser were deleted");
    const holds = (current: object | undefined): boolean =>
      ((current as LocalDraft | undefined)?.revision ?? 0) === revision;
    const isStored = await storage.write(
      { drafts: { [key]: draft } },
      { table: "drafts", key, holds },
    );
    if (!isStored) throw new DraftConflictError(await storage.read<LocalDraft>("drafts", key));
    this.notifyOtherTabs();
    this.listeners.notify();
  }

  /** Calls a function after a change in any tab. Returns a function that ends this. */
  subscribe(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  /** Refuses to store anything more, because everything is being deleted. */
  close(): void {
    this.isClosed = true;
  }

  /** Tells listeners of a change by another tab, or by the outbox. */
  notify(): void {
    this.listeners.notify();
  }
}
