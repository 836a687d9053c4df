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
  const own = { assigneeId: person?.id ?? null };
  const expected = { assignee: person && { id: person.id } };
  return changes.run("assignee", m.ticket_not_assigned(), ASSIGN, own, {
    expected,
    fitsIfUnchanged: true,
  });
}

export function transfer(changes: TicketChanges, team: Named): Result {
  const expected = { team: { id: team.id } };
  return changes.run("team", m.ticket_not_changed(), TRANSFER, { team: team.slug }, {
    expected,
    fitsIfUnchanged: true,
  });
}

export function setPriority(changes: TicketChanges, priority: Priority): Result {
  const expected = { priority };
  return changes.run("priority", m.ticket_not_changed(), UPDATE, { priority }, {
    expected,
    fitsIfUnchanged: true,
  });
}

export function setCategory(changes: TicketChanges, category: Named): Result {
  const own = { category: category.slug };
  const expected = { category: { id: category.id } };
  return changes.run("category", m.ticket_not_changed(), UPDATE, own, {
    expected,
    fitsIfUnchanged: true,
  });
}

/** Add a tag, or remove it if the ticket has it. */
export function toggleTag(changes: TicketChanges, tags: readonly string[], tag: string): Result {
  const isThere = tags.includes(tag);
  const own = isThere ? { removeTags: [tag] } : { addTags: [tag] };
  const expected = { tags: isThere ? tags.filter((each) => each !== tag) : [...tags, tag] };
  const options = { expected, fitsAnyVersion: true };
  return changes.run("tags", m.ticket_not_changed(), UPDATE, own, options);
}

export function addResource(changes: TicketChanges, resource: Resource): Result {
  const own = { addResources: [resource] };
  const options = { fitsAnyVersion: true };
  return changes.run("resources", m.ticket_not_changed(), UPDATE, own, options);
}

export function removeResource(
  changes: TicketChanges,
  resources: readonly Resource[],
  { kind, externalId }: Resource,
): Result {
  const isOther = (each: Resource): boolean =>
    each.kind !== kind || each.externalId !== externalId;
  const own = { removeResources: [{ kind, externalId }] };
  const options = { expected: { resources: resources.filter(isOther) }, fitsAnyVersion: true };
  return changes.run("resources", m.ticket_not_changed(), UPDATE, own, options);
}

/** Add a watcher, or remove one who is there. */
export function toggleWatcher(
  changes: TicketChanges,
  watchers: readonly Person[],
  person: Person,
): Result {
  const isThere = watchers.some((each) => each.id === person.id);
  const others = watchers.filter((each) => each.id !== person.id);
  const expected = { watchers: isThere ? others : [...watchers, { id: person.id }] };
  const document = isThere ? REMOVE_WATCHER : ADD_WATCHER;
  const options = { expected, fitsAnyVersion: true };
  return changes.run("watchers", m.ticket_not_changed(), document, { userId: person.id }, options);
}

/** Let all customers of the ticket's organization see the ticket, or end this. */
export function setShared(changes: TicketChanges, sharedWithOrganization: boolean): Result {
  const own = { sharedWithOrganization };
  const options = { expected: own, fitsAnyVersion: true };
  return changes.run("watchers", m.ticket_not_changed(), UPDATE, own, options);
}

export function setCustomField(changes: TicketChanges, value: CustomFieldInput): Result {
  const own = { customFields: [value] };
  return changes.run(`field-${value.key}`, m.ticket_not_changed(), UPDATE, own);
}
