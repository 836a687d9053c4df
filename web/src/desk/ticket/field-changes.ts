// Changes of a ticket's fields in words.
import { m } from "../../shared/messages";
import { priorityName, type Priority } from "../../shared/parts/names";
import type { TimelineEvent } from "../ticket-documents";

type FieldChange = Extract<TimelineEvent, { __typename: "TicketUpdated" }>["changes"][number];

const MAX_CHARS = 80;
const CUSTOM = "customFields.";
const NAMES: Readonly<Record<string, () => string>> = {
  subject: m.ticket_field_subject,
  priority: m.ticket_field_priority,
  category: m.ticket_field_category,
  tags: m.ticket_field_tags,
  resources: m.ticket_field_resources,
  watchers: m.ticket_field_watchers,
  requester: m.ticket_field_requester,
  organization: m.ticket_field_organization,
};
/** Fields whose values are ids, which say nothing to a reader. */
const OF_IDS = new Set(["category", "watchers", "requester", "organization"]);

export function describeChange(change: FieldChange): string {
  const { field, from, to, fromItems, toItems } = change;
  const name = nameOf(field);
  if (field === "sharedWithOrganization") return to === "true" ? m.ticket_shared() : m.ticket_unshared();
  if (OF_IDS.has(field)) return m.ticket_changed({ field: name });
  if (fromItems && toItems && !field.startsWith(CUSTOM)) {
    const added = toItems.filter((each) => !fromItems.includes(each)).map(itemText);
    const removed = fromItems.filter((each) => !toItems.includes(each)).map(itemText);
    return [
      ...added.map((value) => m.ticket_added({ field: name, value })),
      ...removed.map((value) => m.ticket_removed({ field: name, value })),
    ].join(", ");
  }
  const [before, after] = [fromItems?.join(", ") ?? from, toItems?.join(", ") ?? to];
  return m.ticket_changed_from_to({
    field: name,
    from: valueText(field, before),
    to: valueText(field, after),
  });
}

function nameOf(field: string): string {
  if (field.startsWith(CUSTOM)) return `“${field.slice(CUSTOM.length)}”`;
  return NAMES[field]?.() ?? field;
}

function valueText(field: string, value: string | null): string {
  if (value === null || value === "") return m.ticket_none();
  if (field === "priority") return priorityName(value as Priority);
  return value.length > MAX_CHARS ? `“${value.slice(0, MAX_CHARS)}…”` : `“${value}”`;
}

/** An item of a list; those of resources are JSON. */
function itemText(item: string): string {
  try {
    const { kind, external_id: snake, externalId = snake, name } = JSON.parse(item) as {
      kind?: string;
      external_id?: string;
      externalId?: string;
      name?: string | null;
    };
    if (kind === undefined) return item;
    return name || `${kind} ${externalId ?? ""}`;
  } catch {
    return item;
  }
}
