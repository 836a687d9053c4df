// What the composer of one ticket holds, and how it is sent.
import { m } from "../../shared/messages";
import type { TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import { MessageDraft, type Content } from "./draft.svelte";
import { draftKey, send, type Action, type MessageKind } from "./messages";
import { kindOfDraft, ServerDraft, type OtherDraft } from "./server-draft.svelte";
import { suggestMacros, suggestPeople } from "./suggest";
import type { Suggestion } from "./suggestions.svelte";
import type { Trigger } from "./triggers";
import { uploadsOf, type Uploads } from "../../shared/files/uploads.svelte";

/** One kind of message with its text and files. */
class Part {
  readonly draft: MessageDraft;
  readonly uploads: Uploads;

  constructor(client: TicketwireClient, kind: MessageKind, ticketId: string, stored: () => void) {
    this.draft = new MessageDraft(client.drafts, draftKey(kind, ticketId), stored);
    this.uploads = uploadsOf(client, this.draft);
  }
}

export class Compose {
  kind = $state<MessageKind>("reply");
  private error = $state("");
  isSending = $state(false);
  /** Whether drafts and unsent messages survive the page. */
  isPersistent = $state(true);
  /** The draft that waits for the text of a suggestion. */
  private taking = $state.raw<MessageDraft | null>(null);
  /** Whether the person has tried to send a message whose files were not uploaded. */
  private wasBlocked = $state(false);
  // Each kind has a text of its own, so the text of a note is never in the box for replies.
  readonly server: ServerDraft;
  private readonly parts: Readonly<Record<MessageKind, Part>>;

  constructor(
    private readonly client: TicketwireClient,
    private readonly ticketId: string,
  ) {
    const open = (kind: MessageKind): Part =>
      new Part(client, kind, ticketId, () => this.server.edit(kind));
    this.parts = { reply: open("reply"), note: open("note") };
    this.server = new ServerDraft(client, ticketId, (kind) => this.parts[kind].draft.content);
    void client.isPersistent.then((isPersistent) => (this.isPersistent = isPersistent));
    for (const { draft } of Object.values(this.parts))
      void draft.loaded.then(() => this.server.recognize());
  }

  get draft(): MessageDraft {
    return this.parts[this.kind].draft;
  }

  get uploads(): Uploads {
    return this.parts[this.kind].uploads;
  }

  /** Whether the other kind has a text, too. */
  get hasOther(): boolean {
    return !this.parts[this.kind === "reply" ? "note" : "reply"].draft.isEmpty;
  }

  get isReplyEmpty(): boolean {
    return this.parts.reply.draft.isEmpty;
  }

  /** Whether there is nothing to send. */
  get isBlank(): boolean {
    const { text, macro } = this.draft;
    return text.trim() === "" && macro?.hasText !== false;
  }

  /** Whether the text must not change at this moment. */
  get isLocked(): boolean {
    return this.isSending || this.taking === this.draft;
  }

  suggest(kind: Trigger["kind"], search: string): Promise<Suggestion[]> {
    return kind === "macro"
      ? suggestMacros(this.client, this.ticketId, this.draft, search)
      : suggestPeople(this.client, search);
  }

  /** The text that the person has chosen; null if it can't be used. */
  async take(suggestion: Suggestion): Promise<string | null> {
    this.taking = this.draft;
    this.error = "";
    try {
      return await suggestion.choose();
    } catch (failure) {
      this.error = m.composer_not_usable({ name: suggestion.label, reason: messageOf(failure) });
      return null;
    } finally {
      this.taking = null;
    }
  }

  /** Why the message was not sent; empty if nothing is wrong any more. */
  get failure(): string {
    return this.error || this.draft.error || (this.wasBlocked ? this.uploads.obstacle : "");
  }

  choose(kind: MessageKind): void {
    this.kind = kind;
    this.error = "";
    this.wasBlocked = false;
  }

  /** Restore an unsent message to its box. Resolves when the browser has stored it. */
  async insert(kind: MessageKind, content: Content): Promise<void> {
    await this.parts[kind].draft.insert(content);
    this.choose(kind);
  }

  /** Continue a draft from elsewhere. Resolves when the browser has stored it. */
  async useOther(other: OtherDraft): Promise<void> {
    try {
      await this.insert(kindOfDraft(other), { body: other.body, files: other.attachments });
      this.server.replace(other);
    } catch (failure) {
      this.error = messageOf(failure);
    }
  }

  /**
   * Put the message into the outbox. Returns whether it is there.
   *
   * @param cursor The person has seen the ticket up to it.
   */
  async submit(cursor: string | undefined, action: Action = {}): Promise<boolean> {
    const { kind, draft, uploads } = this; // also if the person changes the kind in the meantime
    if (this.isBlank || this.isLocked) return false;
    this.error = "";
    this.wasBlocked = uploads.obstacle !== "";
    if (this.wasBlocked) return false;
    if (draft.macro?.hasText === false && draft.hasTextOrFiles) {
      this.error = m.composer_macro_adds_no_reply();
      return false;
    }
    this.isSending = true;
    try {
      if (!(await draft.saveShown())) return false;
      const { saved, text: body, macro } = draft; // another tab may have changed it until now
      const attachmentIds = draft.files.map((file) => file.id);
      const draftVersion = this.server.versionOf(kind);
      const content = { body, attachmentIds, draftVersion, macro };
      const message = { ticketId: this.ticketId, ...content, cursor, ...action };
      await send(this.client, kind, message, saved);
      draft.taken(saved);
      this.server.sent(kind);
      return true;
    } catch (failure) {
      this.error = m.drafts_not_sent({ reason: messageOf(failure) });
      return false;
    } finally {
      this.isSending = false;
    }
  }

  /** Store everything. Nobody can decide about a conflict in a page that nobody sees. */
  readonly visibilityChanged = (): void => {
    for (const { draft } of Object.values(this.parts))
      void (document.hidden ? draft.keep() : draft.save());
    if (document.hidden) this.server.flush();
    else this.server.readAgain();
  };

  close(): void {
    for (const { draft } of Object.values(this.parts)) draft.close(); // uploads go on
    this.server.close();
  }
}
