// The messages from which the person can remove a text.
import type { Viewer } from "../documents";
import type { TicketDetails, TimelineEvent } from "../ticket-documents";
import { isBy } from "./timeline-entries";

const EXCERPT_CHARS = 60;

/** A message from which the person can remove a text. */
export interface Redactable {
  /** The id of the message; null for the description. */
  readonly id: string | null;
  readonly author: string;
  readonly excerpt: string;
}

/** Admins remove texts from all messages, others only from their own. */
export function canRedact(event: TimelineEvent, viewer: Viewer): boolean {
  return viewer.role === "ADMIN" || isBy(event, viewer.id);
}

/** The messages from which the person can remove a text, the latest first. */
export function findRedactable(
  events: readonly TimelineEvent[],
  ticket: TicketDetails,
  viewer: Viewer,
): readonly Redactable[] {
  const own = events.filter((each) => canRedact(each, viewer));
  return own.flatMap((event) => redactableOf(event, ticket) ?? []).reverse();
}

function redactableOf(event: TimelineEvent, ticket: TicketDetails): Redactable | null {
  const author = event.actor.displayName;
  switch (event.__typename) {
    case "TicketReplied":
      return { id: event.reply.id, author, excerpt: excerptOf(event.reply.bodyHtml) };
    case "TicketNoted":
      return { id: event.note.id, author, excerpt: excerptOf(event.note.bodyHtml) };
    case "TicketCreated":
      return { id: null, author, excerpt: excerptOf(ticket.descriptionHtml) };
    default:
      return null;
  }
}

function excerptOf(html: string): string {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  return body.textContent.trim().slice(0, EXCERPT_CHARS);
}
