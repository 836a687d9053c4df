// What a person writes: a reply, which the customer reads, or a note, which stays internal.
import type { OutboxEntry, TicketwireClient } from "@ticketwire/client";
import { NOTE, REPLY } from "../documents";

export type MessageKind = "reply" | "note";

/** The key of the draft. Replies and notes never share a text. */
export function draftKey(kind: MessageKind, ticketId: string): string {
  return `${kind}:${ticketId}`;
}

/**
 * Put a message into the outbox, which sends it exactly once. Resolves when the browser has stored
 * it. The person has seen the ticket up to `cursor`: the server refuses a reply if others have
 * written something later.
 */
export async function send(
  client: TicketwireClient,
  kind: MessageKind,
  message: { ticketId: string; body: string; cursor: string | undefined },
  draft?: string,
): Promise<void> {
  const { ticketId, body, cursor } = message;
  if (kind === "note") await client.send(NOTE, { ticketId, body }, draft);
  else await client.send(REPLY, { ticketId, body, lastSeenCursor: cursor ?? null }, draft);
}

export function kindOf(entry: OutboxEntry): MessageKind {
  return entry.document.includes("addNote(") ? "note" : "reply";
}
