// Files on their way to the server. When one has arrived, it belongs to the draft.
import { m } from "../messages";
import { createKey, type TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../api";
import { CREATE_ATTACHMENT, type UploadedFile } from "./documents";
import { putFile } from "./put-file";

/** What a file belongs to when it has arrived. */
interface FileHolder {
  readonly key: string;
  addFile(file: UploadedFile): Promise<void>;
}

/** One file that has not arrived. */
export class Upload {
  /** The sent part, from 0 to 1. */
  progress = $state(0);
  /** Why it has failed; empty while it is under way. */
  error = $state("");
  private cancelled = new AbortController();

  constructor(
    private readonly client: TicketwireClient,
    readonly file: File,
  ) {}

  /** Send it. Returns the stored file, or null if it has failed or was cancelled. */
  async run(): Promise<UploadedFile | null> {
    this.error = "";
    this.progress = 0;
    const { signal } = (this.cancelled = new AbortController());
    try {
      const { stored, url } = await this.announce();
      await putFile(url, this.file, (progress) => (this.progress = progress), signal);
      return signal.aborted ? null : stored;
    } catch (failure) {
      if (!signal.aborted) this.error = messageOf(failure);
      return null;
    }
  }

  cancel(): void {
    this.cancelled.abort();
  }

  private async announce(): Promise<{ stored: UploadedFile; url: string }> {
    const { name: filename, size, type } = this.file;
    const contentType = type || "application/octet-stream";
    const input = { filename, contentType, size, idempotencyKey: createKey() };
    const { createAttachment } = await this.client.mutate(CREATE_ATTACHMENT, { input });
    const [first] = createAttachment?.userErrors ?? [];
    if (first) throw new Error(`${first.field?.at(-1) ?? m.files_the_file()} ${first.message}`);
    if (!createAttachment?.attachment || createAttachment.uploadUrl === null)
      throw new Error(m.files_upload_refused());
    return { stored: createAttachment.attachment, url: createAttachment.uploadUrl };
  }
}

/** The files of one draft that have not arrived. They go on when the person leaves the ticket. */
export class Uploads {
  list = $state.raw<readonly Upload[]>([]);

  constructor(
    private readonly client: TicketwireClient,
    /** The draft as the page shows it, or has shown it last. */
    public draft: FileHolder,
  ) {}

  get isRunning(): boolean {
    return this.list.some((each) => each.error === "");
  }

  /** Why the message can't be sent yet; empty if nothing is under way. */
  get obstacle(): string {
    const failed = this.list.filter((each) => each.error !== "").length;
    if (failed > 0) return m.files_upload_failed();
    const { length } = this.list;
    if (length === 0) return "";
    return length === 1 ? m.files_uploading_one() : m.files_uploading_many({ count: length });
  }

  add(files: Iterable<File>): void {
    const added = [...files].map((file) => new Upload(this.client, file));
    this.list = [...this.list, ...added];
    for (const upload of added) void this.run(upload);
  }

  retry(upload: Upload): void {
    void this.run(upload);
  }

  remove(upload: Upload): void {
    upload.cancel();
    this.list = this.list.filter((each) => each !== upload);
  }

  private async run(upload: Upload): Promise<void> {
    const stored = await upload.run();
    if (stored === null) return;
    // It has arrived, although the draft may not be stored: then the draft shows why.
    await this.draft.addFile(stored).catch(() => undefined);
    this.remove(upload);
  }
}

/** The uploads of all drafts of this page, by the keys of the drafts. */
const started = new Map<string, Uploads>();

/** The uploads of a draft, with those that an earlier visit of the page has begun. */
export function uploadsOf(client: TicketwireClient, draft: FileHolder): Uploads {
  const found = started.get(draft.key);
  if (found !== undefined) found.draft = draft;
  const uploads = found ?? new Uploads(client, draft);
  started.set(draft.key, uploads);
  return uploads;
}

// Ask before the page is left while files are on their way, also files of other tickets.
addEventListener("beforeunload", (event) => {
  if ([...started.values()].some((each) => each.isRunning)) event.preventDefault();
});
