// The draft that the server keeps for the person: it follows what the person writes here, and shows
// what another device has written or an API client proposes. There is one per ticket.
import type { Query, TicketwireClient } from "@ticketwire/client";
import type { ResultOf } from "../../shared/graphql";
import { readable } from "../../shared/parts/sources";
import { DISCARD_DRAFT, SAVE_DRAFT, SERVER_DRAFT } from "./documents";
import type { Content } from "./draft.svelte";
import type { MessageKind } from "./messages";

const SAVE_DELAY_MS = 2_000;

type Result = ResultOf<typeof SERVER_DRAFT>;
export type OtherDraft = NonNullable<NonNullable<Result["ticket"]>["viewerDraft"]>;

export function kindOfDraft({ kind }: OtherDraft): MessageKind {
  return kind === "NOTE" ? "note" : "reply";
}

function isEmpty({ body, files = [] }: Content): boolean {
  return body === "" && files.length === 0;
}

export class ServerDraft {
  private readonly query: () => Query<Result>;
  /** The versions that contain only what this page knows. */
  private ownVersions = $state.raw<ReadonlySet<number>>(new Set());
  private version = 0;
  private kind: MessageKind | null = null;
  /** The kind that the person has edited last. */
  private edited: MessageKind | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private work: Promise<void> = Promise.resolve();

  /** @param contentOf Returns what this browser has. */
  constructor(
    private readonly client: TicketwireClient,
    private readonly ticketId: string,
    private readonly contentOf: (kind: MessageKind) => Content,
  ) {
    const query = client.watch(SERVER_DRAFT, { ticketId });
    query.subscribe(() => this.recognize());
    this.query = readable(query);
  }

  /** A draft about which the person must decide; null if there is none. */
  get other(): OtherDraft | null {
    const found = this.current;
    return found === null || this.ownVersions.has(found.version) ? null : found;
  }

  private get current(): OtherDraft | null {
    return this.query().value?.ticket?.viewerDraft ?? null;
  }

  /** Look again whether the browser has all that the server's draft has. */
  recognize(): void {
    const found = this.current;
    if (found === null || found.proposedBy !== null) return;
    const own = this.contentOf(kindOfDraft(found));
    const ids = new Set(own.files?.map((file) => file.id));
    const hasFiles = found.attachments.every((file) => ids.has(file.id));
    const hasText = own.body.includes(found.body.trim());
    if (hasFiles && hasText) this.own(found.version, kindOfDraft(found));
  }

  /** Save what the person has written here, a while after the last change. */
  edit(kind: MessageKind): void {
    this.edited = kind;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), SAVE_DELAY_MS);
  }

  /** Save it now. */
  flush(): void {
    clearTimeout(this.timer);
    const kind = this.edited;
    if (kind === null) return;
    this.edited = null;
    // Without a connection, the browser has it. The composer flushes it when the page is live again.
    const failed = (): void => void (this.edited ??= kind);
    this.work = this.work.then(() => this.save(kind)).catch(failed);
  }

  /** The version that a message of this kind sends; null if it has none. */
  versionOf(kind: MessageKind): number | null {
    return this.version > 0 && this.kind === kind ? this.version : null;
  }

  /** A message of this kind is in the outbox. The server discards the draft with it. */
  sent(kind: MessageKind): void {
    if (this.kind === kind) this.version = 0;
    // The message does not name a version that is being saved at this moment.
    const discard = (): Promise<void> | void => {
      if (isEmpty(this.contentOf(kind))) return this.discard(kind);
    };
    this.work = this.work.then(discard).catch(() => undefined);
  }

  /** From now on, what this browser has replaces the other draft: its text was taken or dismissed. */
  replace(other: OtherDraft): void {
    this.own(other.version, kindOfDraft(other));
    this.edit(kindOfDraft(other));
  }

  /** Read it again, because it is not part of the log. */
  readAgain(): void {
    void this.query().refetch().catch(() => undefined); // the next time will do
  }

  close(): void {
    this.flush();
    this.query().close();
  }

  private own(version: number, kind: MessageKind): void {
    this.ownVersions = new Set([...this.ownVersions, version]);
    [this.version, this.kind] = [version, kind];
  }

  private async save(kind: MessageKind, isRepetition = false): Promise<void> {
    if (this.other !== null) return;
    const content = this.contentOf(kind);
    if (isEmpty(content)) return this.discard(kind);
    const { body, files = [] } = content;
    const { saveDraft } = await this.client.mutate(SAVE_DRAFT, {
      input: {
        ticketId: this.ticketId,
        kind: kind === "note" ? "NOTE" : "REPLY",
        body,
        attachmentIds: files.map((file) => file.id),
        expectedVersion: this.version,
      },
    });
    if (saveDraft?.draft) return this.own(saveDraft.draft.version, kind);
    await this.query().refetch();
    const { current } = this;
    if (isRepetition || (current !== null && !this.ownVersions.has(current.version))) return;
    this.version = current?.version ?? 0;
    await this.save(kind, true);
  }

  private async discard(kind: MessageKind): Promise<void> {
    const expectedVersion = this.versionOf(kind);
    if (expectedVersion === null) return;
    this.version = 0;
    const input = { ticketId: this.ticketId, expectedVersion };
    await this.client.mutate(DISCARD_DRAFT, { input });
  }
}
