// The names of the values that filters have, also of those that come with an address.
import { SvelteMap } from "svelte/reactivity";
import { ME, NOBODY, type Choice, type Choices } from "../list/choices";
import type { FilterName, Filters } from "../list/filters";

export class FilterNames {
  private readonly known = new SvelteMap<string, string>();

  constructor(private readonly choices: Choices) {}

  of(name: FilterName, id: string): string {
    return this.known.get(`${name} ${id}`) ?? (name === "assignee" ? "…" : id);
  }

  add(name: FilterName, { id, label }: Choice): void {
    this.known.set(`${name} ${id}`, label);
  }

  /** Read the names that are missing. Without them, the values themselves are shown. */
  async load(values: Filters["values"]): Promise<void> {
    const { choices } = this;
    const finders = {
      status: choices.statuses,
      priority: choices.priorities,
      team: choices.teams,
      category: choices.categories,
    } as const;
    const people = values.assignee.filter((id) => id !== ME && id !== NOBODY);
    const isMissing = (name: FilterName): boolean =>
      values[name].some((id) => !this.known.has(`${name} ${id}`));
    try {
      for (const name of ["status", "priority", "team", "category"] as const) {
        if (isMissing(name)) for (const each of await finders[name]("")) this.add(name, each);
      }
      if (!isMissing("assignee")) return;
      for (const each of choices.nobodyAndMe()) this.add("assignee", each);
      if (people.length === 0) return;
      for (const each of await choices.namesOf(people)) this.add("assignee", each);
    } catch {
      // The values stay without names.
    }
  }
}
