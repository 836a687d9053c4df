// The teams, categories and calendars that forms offer, and searches for people and organizations.
import { m } from "../../shared/messages";
import { CHOICES, FIND_ORGANIZATIONS, FIND_PEOPLE } from "./documents";
import type { Choice } from "./field";
import { run } from "./request";

class Directory {
  teams = $state.raw<readonly Choice[]>([]);
  categories = $state.raw<readonly Choice[]>([]);
  calendars = $state.raw<readonly Choice[]>([]);

  /** Read what forms offer. Throws RequestError. */
  async load(): Promise<void> {
    const found = await run(CHOICES, {});
    this.teams = found.teams.map(({ slug, name }) => ({ id: slug, label: name }));
    this.categories = found.categories.map(({ slug, name, parent }) => ({
      id: slug,
      label: parent === null ? name : m.admin_below({ name, parent: parent.name }),
    }));
    this.calendars = found.slaCalendars.map(({ id, name }) => ({ id, label: name }));
  }
}

export const directory = new Directory();

export async function findStaff(search: string): Promise<readonly Choice[]> {
  const { users } = await run(FIND_PEOPLE, {
    search: search || null,
    roles: ["AGENT", "ADMIN"],
    active: true,
  });
  return users.nodes.map(({ id, displayName, email }) => choiceOf(id, displayName, email));
}

export async function findPeople(search: string): Promise<readonly Choice[]> {
  const { users } = await run(FIND_PEOPLE, { search: search || null });
  return users.nodes.map(({ id, displayName, email }) => choiceOf(id, displayName, email));
}

export async function findOrganizations(search: string): Promise<readonly Choice[]> {
  const { organizations } = await run(FIND_ORGANIZATIONS, { search: search || null });
  return organizations.nodes.map(({ id, name }) => ({ id, label: name }));
}

function choiceOf(id: string, label: string, detail: string | null): Choice {
  return detail === null ? { id, label } : { id, label, detail };
}
