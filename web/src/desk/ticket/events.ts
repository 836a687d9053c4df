// Changes of a ticket in words.
import type { TimelineEvent } from "../documents";
import { metricName } from "../parts/sla";

const STATUS_WORDS = {
  NEW: "new",
  OPEN: "open",
  WAITING_ON_CUSTOMER: "waiting for customer",
  ON_HOLD: "on hold",
  RESOLVED: "resolved",
  CLOSED: "closed",
} as const;

/** One entry of the timeline: a message, or changes that one person made within a minute. */
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
  const isChange = (event: TimelineEvent): boolean =>
    !MESSAGES.has(event.__typename) && !isOfSla(event) && commentOf(event) === null;
  const elapsedMs = Date.parse(next.occurredAt) - Date.parse(first.occurredAt);
  const isSamePerson = first.actor.displayName === next.actor.displayName;
  return isChange(first) && isChange(next) && isSamePerson && elapsedMs <= GROUP_MS;
}

/** The text that a person gave with a change of status; null if there is none. */
export function commentOf(event: TimelineEvent): string | null {
  return event.__typename === "TicketStatusChanged" ? event.comment : null;
}

function isOfSla(event: TimelineEvent): boolean {
  return event.__typename.startsWith("Sla");
}

/** What has changed, in a sentence. */
export function describe(entry: TimelineEntry): string {
  const changes = entry.map(describeChanges).join(", ");
  return isOfSla(entry[0]) ? changes : `${entry[0].actor.displayName} ${changes}`;
}

function describeChanges(event: TimelineEvent): string {
  switch (event.__typename) {
    case "TicketStatusChanged":
      return `changed the status from ${statusWord(event.from)} to ${statusWord(event.to)}`;
    case "TicketAssigned":
      return event.toAssignee
        ? `assigned it to ${event.toAssignee.displayName}`
        : "removed the assignee";
    case "TicketUpdated":
      return event.changes.map(describeChange).join(", ") || "changed it";
    case "SlaAtRisk":
      return `${metricName(event.metric)}: at risk`;
    case "SlaBreached":
      return `${metricName(event.metric)}: overdue`;
    case "SlaAchieved":
      return `${metricName(event.metric)}: achieved`;
    default:
      return event.type.toLowerCase().replaceAll("_", " ");
  }
}

function statusWord(status: keyof typeof STATUS_WORDS | null): string {
  return status === null ? "none" : STATUS_WORDS[status];
}

type FieldChange = Extract<TimelineEvent, { __typename: "TicketUpdated" }>["changes"][number];

function describeChange({ field, from, to, fromItems, toItems }: FieldChange): string {
  const name = field.toLowerCase().replaceAll("_", " ");
  const [before, after] = [from ?? fromItems?.join(", "), to ?? toItems?.join(", ")];
  return `changed ${name} from “${shorten(before)}” to “${shorten(after)}”`;
}

function shorten(text: string | undefined): string {
  if (!text) return "none";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
