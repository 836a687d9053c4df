// Changes of a ticket in words.
import type { TimelineEvent } from "./documents";
import { metricName } from "./sla";

export const STATUS_WORDS = {
  NEW: "new",
  OPEN: "open",
  WAITING_ON_CUSTOMER: "waiting for customer",
  ON_HOLD: "on hold",
  RESOLVED: "resolved",
  CLOSED: "closed",
} as const;

/** What has changed, in a sentence. */
export function describe(event: TimelineEvent): string {
  const change = describeChanges(event);
  return event.__typename.startsWith("Sla") ? change : `${event.actor.displayName} ${change}`;
}

function describeChanges(event: TimelineEvent): string {
  switch (event.__typename) {
    case "TicketStatusChanged":
      return `changed the status from ${event.from ? STATUS_WORDS[event.from] : "none"} to ${STATUS_WORDS[event.to]}`;
    case "TicketAssigned":
      return event.toAssignee ? `assigned it to ${event.toAssignee.displayName}` : "removed the assignee";
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
