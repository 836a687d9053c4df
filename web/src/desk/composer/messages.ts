// What a person writes: a reply, which the customer reads, or a note, which stays internal.
import type { OutboxEntry, SentDraft, TicketwireClient } from "@ticketwire/client";
import { NOTE, REPLY } from "../documents";
import { APPLY_MACRO } from "./documents";
import type { AttachedMacro } from "./macros";
import type { VariablesOf } from "../../shared/graphql";

export type MessageKind = "reply" | "note";
type ReplyInput = VariablesOf<typeof REPLY>["input"];

/** The input of one of the three mutations. */
interface StoredInput extends Omit<ReplyInput, "body"> {
  readonly body?: string;
  readonly macroId?: string;
}

/** What happens to the ticket in the same step as the reply. */
export type Action = Pick<ReplyInput, "then" | "until">;

/** A message with all that is sent with it. Notes have no action. */
export interface Message extends Action {
  readonly ticketId: string;
  readonly body: string;
  readonly attachmentIds: string[];
  /** The version of the server's draft, which is discarded with the message. */
  readonly draftVersion?: number | null;
  /** The macro that is applied with the reply, instead of an action. */
  readonly macro?: Pick<AttachedMacro, "id" | "hasText"> | null;
  /**
   * The person has seen the ticket up to this cursor: the server refuses a reply if others have
   * written something later.
   */
  readonly cursor: string | undefined;
}

/** The key of the draft. Replies and notes never share a text. */
export function draftKey(kind: MessageKind, ticketId: string): string {
  return `${kind}:${ticketId}`;
}

/**
 * Put a message into the outbox, which sends it exactly once. Resolves when the browser has stored
 * it.
 */
export async function send(
  client: TicketwireClient,
  kind: MessageKind,
  { cursor, macro, ...message }: Message,
  draft?: SentDraft,
): Promise<void> {
  const { ticketId, body, attachmentIds, draftVersion = null } = message;
  const content = { body, attachmentIds, draftVersion };
  const lastSeenCursor = cursor ?? null;
  if (kind === "note") await client.send(NOTE, { ticketId, ...content }, draft);
  else if (macro == null) await client.send(REPLY, { ...message, lastSeenCursor }, draft);
  else {
    const reply = macro.hasText ? content : {};
    const input = { ticketId, macroId: macro.id, ...reply, lastSeenCursor };
    await client.send(APPLY_MACRO, input, draft);
  }
}

/** Send a message again that was refused, after the person has seen the ticket up to a cursor. */
export async function sendAgain(
  client: TicketwireClient,
  entry: OutboxEntry,
  cursor: string | undefined,
): Promise<void> {
  await send(client, kindOf(entry), { ...messageOf(entry), cursor });
  // Only now, so that the message never gets lost.
  await client.outbox.discard(entry.key);
}

/** The message of an entry, without what belongs to one attempt. */
export function messageOf(entry: OutboxEntry): Omit<Message, "cursor"> {
  const input = entry.variables.input as unknown as StoredInput;
  const { ticketId, body = "", attachmentIds, then = null, until = null, macroId } = input;
  const macro = macroId === undefined ? null : { id: macroId, hasText: body !== "" };
  return { ticketId, body, attachmentIds: attachmentIds ?? [], then, until, macro };
}

export function kindOf(entry: OutboxEntry): MessageKind {
  return entry.document.includes("addNote(") ? "note" : "reply";
}
