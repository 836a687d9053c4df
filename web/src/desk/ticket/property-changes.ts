// The changes of a ticket's properties, with what the page shows until the server responds.
import { m } from "../../shared/messages";
import type { Person } from "../documents";
import type { Priority } from "../../shared/parts/names";
import type { TicketChanges } from "./changes";
import type { TicketDetails } from "../ticket-documents";
import { ADD_WATCHER, ASSIGN, REMOVE_WATCHER, TRANSFER, UPDATE } from "./mutations";
import type { CustomFieldInput } from "../../shared/ticket/custom-fields";

type Named = { readonly id: string; readonly slug: string };
export type Resource = TicketDetails["resources"][number];
type Result = Promise<boolean>;

export function assign(changes: TicketChanges, person: Person | null): Result {
  const input = { assigneeId: person?.id ?? null };
  const optimisticValues = { assignee: person && { id: person.id } };
  return changes.run("assignee", m.ticket_not_assigned(), ASSIGN, input, {
    optimisticValues,
    fitsIfUnchanged: true,
  });
}

export function transfer(changes: TicketChanges, team: Named): Result {
  const optimisticValues = { team: { id: team.id } };
  return changes.run("team", m.ticket_not_changed(), TRANSFER, { team: team.slug }, {
    optimisticValues,
    fitsIfUnchanged: true,
  });
}

export function setPriority(changes: TicketChanges, priority: Priority): Result {
  const optimisticValues = { priority };
  return changes.run("priority", m.ticket_not_changed(), UPDATE, { priority }, {
    optimisticValues,
    fitsIfUnchanged: true,
  });
}

export function setCategory(changes: TicketChanges, category: Named): Result {
  const input = { category: category.slug };
  const optimisticValues = { category: { id: category.id } };
  return changes.run("category", m.ticket_not_changed(), UPDATE, input, {
    optimisticValues,
    fitsIfUnchanged: true,
  });
}

/** Add a tag, or remove it if the ticket has it. */
export function toggleTag(changes: TicketChanges, tags: readonly string[], tag: string): Result {
  const isThere = tags.includes(tag);
  const input = isThere ? { removeTags: [tag] } : { addTags: [tag] };
  const optimisticValues = { tags: isThere ? tags.filter((each) => each !== tag) : [...tags, tag] };
  const options = { optimisticValues, fitsAnyVersion: true };
  return changes.run("tags", m.ticket_not_changed(), UPDATE, input, options);
}

export function addResource(changes: TicketChanges, resource: Resource): Result {
  const input = { addResources: [resource] };
  const options = { fitsAnyVersion: true };
  return changes.run("resources", m.ticket_not_changed(), UPDATE, input, options);
}

export function removeResource(
  changes: TicketChanges,
  resources: readonly Resource[],
  { kind, externalId }: Resource,
): Result {
  const isOther = (each: Resource): boolean =>
    each.kind !== kind || each.externalId !== externalId;
  const input = { removeResources: [{ kind, externalId }] };
  const optimisticValues = { resources: resources.filter(isOther) };
  const options = { optimisticValues, fitsAnyVersion: true };
  return changes.run("resources", m.ticket_not_changed(), UPDATE, input, options);
}

/** Add a watcher, or remove one who is there. */
export function toggleWatcher(
  changes: TicketChanges,
  watchers: readonly Person[],
  person: Person,
): Result {
  const isThere = watchers.some((each) => each.id === person.id);
  const others = watchers.filter((each) => each.id !== person.id);
  const optimisticValues = { watchers: isThere ? others : [...watchers, { id: person.id }] };
  const document = isThere ? REMOVE_WATCHER : ADD_WATCHER;
  const options = { optimisticValues, fitsAnyVersion: true };
  return changes.run("watchers", m.ticket_not_changed(), document, { userId: person.id }, options);
}

/** Let all customers of the ticket's organization see the ticket, or end this. */
export function setShared(changes: TicketChanges, sharedWithOrganization: boolean): Result {
  const input = { sharedWithOrganization };
  const options = { optimisticValues: input, fitsAnyVersion: true };
  return changes.run("watchers", m.ticket_not_changed(), UPDATE, input, options);
}

export function setCustomField(changes: TicketChanges, value: CustomFieldInput): Result {
  const input = { customFields: [value] };
  return changes.run(`field-${value.key}`, m.ticket_not_changed(), UPDATE, input);
}
