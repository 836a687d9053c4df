// The entries of the timeline: a message, or the changes of one person within a minute.
import type { File } from "../../shared/files/documents";
import type { TimelineEvent } from "../ticket-documents";

export type TimelineEntry = readonly [TimelineEvent, ...TimelineEvent[]];

const GROUP_MS = 60_000;
const MESSAGES = new Set(["TicketCreated", "TicketReplied", "TicketNoted"]);

export function groupChanges(events: readonly TimelineEvent[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  for (const event of events) {
    const last = entries.at(-1);
    if (last && belongTogether(last[0], event)) entries[entries.length - 1] = [...last, event];
    else entries.push([event]);
  }
  return entries;
}

function belongTogether(first: TimelineEvent, next: TimelineEvent): boolean {
  const elapsedMs = Date.parse(next.occurredAt) - Date.parse(first.occurredAt);
  const isSamePerson = actorOf(first) === actorOf(next);
  return isGroupable(first) && isGroupable(next) && isSamePerson && elapsedMs <= GROUP_MS;
}

/** Two people can have the same name. Only the system has no id. */
function actorOf({ actor }: TimelineEvent): string {
  return "id" in actor ? actor.id : actor.__typename;
}

/** Whether an event is a change without a text or file of its own. */
function isGroupable(event: TimelineEvent): boolean {
  const isMessage = MESSAGES.has(event.__typename) || event.__typename === "TicketAttachmentAdded";
  return !isMessage && !isSlaEvent(event) && commentOf(event) === null;
}

/** The text that a person gave with a change; null if there is none. */
export function commentOf(event: TimelineEvent): string | null {
  switch (event.__typename) {
    case "TicketStatusChanged":
    case "TicketRated":
      return event.comment;
    case "TicketEscalated":
    case "TicketMessageRedacted":
    case "TicketRedacted":
      return event.reason;
    default:
      return null;
  }
}

export function isSlaEvent(event: TimelineEvent): boolean {
  return event.__typename.startsWith("Sla");
}

/** The events without those that only say that a file came with a message, which shows it. */
export function withoutShownFiles(
  events: readonly TimelineEvent[],
  files: readonly File[],
): readonly TimelineEvent[] {
  const shown = new Set([...files, ...events.flatMap(filesOf)].map((each) => each.id));
  return events.filter(
    (each) =>
      each.__typename !== "TicketAttachmentAdded" || !shown.has(each.attachment?.id ?? ""),
  );
}

function filesOf(event: TimelineEvent): readonly File[] {
  if (event.__typename === "TicketReplied") return event.reply.attachments;
  return event.__typename === "TicketNoted" ? event.note.attachments : [];
}

/** Whether a user has caused an event. */
export function isBy(event: TimelineEvent, userId: string): boolean {
  return "id" in event.actor && event.actor.id === userId;
}
