// The text of a composer. Each change is stored in this browser within a third of a second.
import { DraftConflictError, type Drafts, type LocalDraft } from "@ticketwire/client";
import { messageOf } from "../../shared/api";

const SAVE_DELAY_MS = 300;

interface Content {
  readonly body: string;
}

export class DraftText {
  text = $state("");
  savedAt = $state<number | null>(null);
  /** What another tab has made of the draft, while this one has changes of its own. */
  conflict = $state.raw<string | null>(null);
  error = $state("");
  isLoaded = $state(false);
  private revision = 0;
  private isChanged = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private work: Promise<void> = Promise.resolve();
  private readonly stop: () => void;

  constructor(
    private readonly drafts: Drafts,
    readonly key: string,
  ) {
    void this.read();
    this.stop = drafts.subscribe(() => void this.read());
  }

  edit(text: string): void {
    this.text = text;
    this.isChanged = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), SAVE_DELAY_MS);
  }

  /** Store what has changed. Resolves when the browser has stored it. */
  save(): Promise<void> {
    clearTimeout(this.timer);
    this.work = this.work.then(() => this.store());
    return this.work;
  }

  /** The outbox has taken the text and deleted the draft. */
  taken(): void {
    this.text = "";
    this.isChanged = false;
    this.revision = 0;
    this.savedAt = null;
  }

  /** End a conflict with the text of this tab, or with that of the other one. */
  async settle(keepsOwn: boolean): Promise<void> {
    const current = await this.drafts.read<Content>(this.key);
    this.conflict = null;
    this.revision = current?.revision ?? 0;
    if (keepsOwn) return this.save();
    this.isChanged = false;
    this.show(current);
  }

  close(): void {
    this.stop();
    void this.save();
  }

  private async store(): Promise<void> {
    if (!this.isChanged || this.conflict !== null) return;
    const body = this.text;
    this.isChanged = false;
    try {
      this.error = "";
      if (body === "") await this.discard();
      else {
        const draft = await this.drafts.save(this.key, { body }, this.revision);
        this.revision = draft.revision;
        this.savedAt = draft.savedAt;
      }
    } catch (failure) {
      this.isChanged = true;
      if (failure instanceof DraftConflictError) {
        this.conflict = (failure.current as LocalDraft<Content> | undefined)?.content.body ?? "";
      } else this.error = `The draft is not saved: ${messageOf(failure)}`;
    }
  }

  private async discard(): Promise<void> {
    if (this.revision > 0) await this.drafts.discard(this.key, this.revision);
    this.revision = 0;
    this.savedAt = null;
  }

  private async read(): Promise<void> {
    await this.work;
    const current = await this.drafts.read<Content>(this.key);
    this.isLoaded = true;
    if (!this.isChanged && (current?.revision ?? 0) !== this.revision) this.show(current);
  }

  private show(draft: LocalDraft<Content> | undefined): void {
    this.text = draft?.content.body ?? "";
    this.revision = draft?.revision ?? 0;
    this.savedAt = draft?.savedAt ?? null;
  }
}
