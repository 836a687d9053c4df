// What a person writes, with its files. Changes are stored in this browser as soon as the person pauses
// for a third of a second, leaves the page, or has written for two seconds.
import {
  DraftConflictError,
  type Drafts,
  type LocalDraft,
  type SentDraft,
} from "@ticketwire/client";
import { messageOf } from "../api";
import type { UploadedFile } from "../files/documents";
import { m } from "../messages";

const SAVE_DELAY_MS = 300;
/** A person who writes without a pause loses no more than this if the browser crashes. */
const MAX_UNSAVED_MS = 2_000;
/** Another tab may write at the same time. */
const MAX_MERGES = 5;

/** What every draft has. Drafts of earlier versions have a body alone. */
export interface DraftContent {
  readonly body: string;
  readonly files?: readonly UploadedFile[];
}

/** What a draft needs to know about its content. */
export interface ContentRules<Content> {
  readonly empty: Content;
  readonly isEmpty: (content: Content) => boolean;
  /** Both contents as one. What is in both is there only once. */
  readonly join: (first: Content, second: Content) => Content;
}

export class StoredDraft<Content extends DraftContent> {
  content: Content;
  savedAt = $state<number | null>(null);
  /** Whether the browser has stored all that the person sees. */
  isSaved = $state(true);
  /** What another tab has made of the draft, while this one has changes of its own. */
  conflict = $state.raw<Content | null>(null);
  error = $state("");
  isLoaded = $state(false);
  /** Resolves when the stored draft was read, or could not be read. */
  readonly loaded: Promise<void>;
  private revision = 0;
  private isChanged = false;
  private isClosed = false;
  /** When the first change that is not stored was made. */
  private changedAt: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private work: Promise<void> = Promise.resolve();
  private readonly stop: () => void;

  constructor(
    private readonly drafts: Drafts,
    readonly key: string,
    private readonly rules: ContentRules<Content>,
    /** Called when the browser has stored a change of this tab. */
    private readonly stored: () => void = () => undefined,
  ) {
    this.content = $state.raw(rules.empty);
    this.loaded = this.read();
    this.stop = drafts.subscribe(() => void this.read());
  }

  get text(): string {
    return this.content.body;
  }

  get files(): readonly UploadedFile[] {
    return this.content.files ?? [];
  }

  get isEmpty(): boolean {
    return this.rules.isEmpty(this.content);
  }

  /** The draft as it was saved last. Only if no other tab has changed it, sending deletes it. */
  get saved(): SentDraft {
    return { key: this.key, revision: this.revision };
  }

  edit(change: Partial<Content>): void {
    this.content = { ...this.content, ...change };
    this.isChanged = true;
    this.isSaved = false;
    this.changedAt ??= Date.now();
    clearTimeout(this.timer);
    const rest = this.changedAt + MAX_UNSAVED_MS - Date.now();
    this.timer = setTimeout(() => void this.save(), Math.min(SAVE_DELAY_MS, rest));
  }

  /** Replace the files. */
  setFiles(files: readonly UploadedFile[]): void {
    this.edit({ files } as unknown as Partial<Content>);
  }

  /** Add a file that has arrived, also if the person has left the page's part in the meantime. */
  async addFile(file: UploadedFile): Promise<void> {
    if (!this.isClosed) return this.setFiles([...this.files, file]);
    await addToStored(this.drafts, this.key, { ...this.rules.empty, files: [file] }, this.rules);
  }

  /** Send the text with another request than a message. The draft ends only if that succeeds. */
  async sendWith(send: (text: string) => Promise<boolean>): Promise<void> {
    void this.save(); // so that a reload does not lose the text if it is refused
    if (!(await send(this.text))) return;
    this.edit({ body: "" } as Partial<Content>);
    await this.save();
  }

  /** Add a message that was not sent to what is here. Resolves when the browser has stored it. */
  async insert(content: Content): Promise<void> {
    await this.loaded;
    this.edit(this.rules.join(this.content, content));
    await this.keep();
    if (this.error) throw new Error(this.error);
  }

  /** Store what has changed. Resolves when the browser has stored it, or has refused it. */
  save(): Promise<void> {
    clearTimeout(this.timer);
    this.changedAt = null;
    this.work = this.work.then(() => this.store());
    return this.work;
  }

  /**
   * Store what the person sees, in order to send it. Returns false if there is something that the
   * person has not seen: a draft of an earlier visit, or what another tab has made of it.
   */
  async saveShown(): Promise<boolean> {
    const { content } = this;
    await this.loaded;
    if (this.content !== content) return false;
    await this.save();
    return this.conflict === null;
  }

  /** Store it in any case: if another tab has changed the draft, together with its text. */
  async keep(): Promise<void> {
    await this.save();
    for (let merges = 0; this.conflict !== null && merges < MAX_MERGES; merges++)
      await this.endConflict((other) => {
        this.edit(this.rules.join(other, this.content));
        return this.save();
      });
  }

  /** The outbox has taken what was saved, and has deleted the draft. */
  taken({ revision }: SentDraft): void {
    if (revision !== this.revision || this.isChanged) return; // it is a newer one
    this.show(undefined);
  }

  /** End a conflict with the text of this tab, or with that of the other one. */
  settle(keepsOwn: boolean): Promise<void> {
    return this.endConflict((other, current) => {
      if (keepsOwn) return this.save();
      this.isChanged = false;
      this.show(current);
    });
  }

  close(): void {
    this.isClosed = true;
    this.stop();
    void this.keep();
  }

  private async endConflict(
    decide: (other: Content, current: LocalDraft<Content> | undefined) => Promise<void> | void,
  ): Promise<void> {
    try {
      const current = await this.drafts.read<Content>(this.key);
      this.conflict = null;
      this.revision = current?.revision ?? 0;
      await decide(current?.content ?? this.rules.empty, current);
    } catch (failure) {
      this.error = m.drafts_not_saved({ reason: messageOf(failure) });
    }
  }

  private async store(): Promise<void> {
    await this.loaded; // otherwise a draft from an earlier visit would look like that of another tab
    if (!this.isChanged || this.conflict !== null) return;
    this.isChanged = false;
    try {
      this.error = "";
      if (this.isEmpty) await this.discard();
      else {
        const draft = await this.drafts.save(this.key, this.content, this.revision);
        this.revision = draft.revision;
        this.savedAt = draft.savedAt;
      }
      this.isSaved = !this.isChanged; // the person may have gone on writing
      this.stored();
    } catch (failure) {
      this.isChanged = true;
      if (failure instanceof DraftConflictError) {
        const current = failure.current as LocalDraft<Content> | undefined;
        this.conflict = current?.content ?? this.rules.empty;
      } else this.error = m.drafts_not_saved({ reason: messageOf(failure) });
    }
  }

  private async discard(): Promise<void> {
    if (this.revision > 0) await this.drafts.discard(this.key, this.revision);
    this.revision = 0;
    this.savedAt = null;
  }

  private async read(): Promise<void> {
    try {
      await this.work;
      const current = await this.drafts.read<Content>(this.key);
      if ((current?.revision ?? 0) === this.revision) return;
      if (!this.isChanged) this.show(current);
      else if (!this.isLoaded && current) this.continueWith(current);
    } catch (failure) {
      this.error = m.drafts_not_read({ reason: messageOf(failure) });
    } finally {
      this.isLoaded = true;
    }
  }

  /** The person has begun to write before the draft was read. */
  private continueWith(draft: LocalDraft<Content>): void {
    const written = this.content;
    this.show(draft);
    this.edit(this.rules.join(draft.content, written));
  }

  private show(draft: LocalDraft<Content> | undefined): void {
    this.content = { ...this.rules.empty, ...draft?.content };
    this.revision = draft?.revision ?? 0;
    this.savedAt = draft?.savedAt ?? null;
    this.isSaved = true;
  }
}

/** Add content to a draft that no page shows. Resolves when the browser has stored it. */
export async function addToStored<Content extends DraftContent>(
  drafts: Drafts,
  key: string,
  added: Content,
  rules: ContentRules<Content>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const current = await drafts.read<Content>(key);
    const content = rules.join(current?.content ?? rules.empty, added);
    try {
      return void (await drafts.save(key, content, current?.revision ?? 0));
    } catch (failure) {
      if (!(failure instanceof DraftConflictError) || attempt >= MAX_MERGES) throw failure;
    }
  }
}

/** Both texts, one below the other. Equal texts are one. */
export function joinTexts(first: string, second: string): string {
  return (first === second ? [first] : [first, second]).filter(Boolean).join("\n\n");
}

/** The files of all lists, each only once. */
export function joinFiles(...lists: (readonly UploadedFile[] | undefined)[]): UploadedFile[] {
  const all = lists.flatMap((list) => list ?? []);
  return [...new Map(all.map((file) => [file.id, file])).values()];
}
