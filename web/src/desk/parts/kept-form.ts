// What a person has filled in, kept as a draft of this browser, so that a reload does not lose it.
import { DraftConflictError, type Drafts } from "@ticketwire/client";

const SAVE_DELAY_MS = 300;

export class KeptForm<Content> {
  private revision = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly drafts: Drafts,
    private readonly key: string,
  ) {}

  /** The content that was kept; null if there is none, or if the browser can't read it. */
  async read(): Promise<Content | null> {
    const draft = await this.drafts.read<Content>(this.key).catch(() => undefined);
    this.revision = draft?.revision ?? 0;
    return draft?.content ?? null;
  }

  /** Keep another content, after a pause of the person. */
  keep(content: Content): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(content), SAVE_DELAY_MS);
  }

  forget(): void {
    clearTimeout(this.timer);
    this.write(null);
  }

  private write(content: Content | null): void {
    // Without storage, the content stays on the page as long as that is open.
    this.work = this.work.then(() => this.store(content)).catch(() => undefined);
  }

  /** If several tabs have the form open, the last change counts. */
  private async store(content: Content | null): Promise<void> {
    try {
      await this.change(content);
    } catch (failure) {
      if (!(failure instanceof DraftConflictError)) throw failure;
      this.revision = failure.current?.revision ?? 0;
      await this.change(content);
    }
  }

  private async change(content: Content | null): Promise<void> {
    if (content === null) {
      if (this.revision > 0) await this.drafts.discard(this.key, this.revision);
      this.revision = 0;
    } else {
      this.revision = (await this.drafts.save(this.key, content, this.revision)).revision;
    }
  }
}
