// What the pickers of a ticket offer for a text. People, teams and tags are searched by the server.
import type { TicketwireClient } from "@ticketwire/client";
import type { Person } from "../documents";
import { priorityName, type Priority } from "../parts/names";
import { hasWords } from "../parts/search.svelte";
import { FIND_AGENTS, FIND_CATEGORIES, FIND_PEOPLE, FIND_TAGS, FIND_TEAMS } from "./documents";

/** A person; with neither name nor address it stands for nobody. */
export interface PersonItem {
  readonly id: string;
  readonly displayName: string | null;
  readonly email?: string | null;
}

export interface TagItem {
  readonly id: string;
  /** The number of tickets that have the tag; null if it is new. */
  readonly count: number | null;
}

const PRIORITIES: readonly Priority[] = ["URGENT", "HIGH", "NORMAL", "LOW"];
const NOBODY: PersonItem = { id: "nobody", displayName: null };

export class Finders {
  constructor(
    private readonly client: TicketwireClient,
    private readonly viewer: Person,
  ) {}

  /** Agents and admins. Without a text, the viewer and nobody come first. */
  readonly assignees = async (text: string): Promise<readonly PersonItem[]> => {
    const { agents, admins } = await this.client.query(FIND_AGENTS, { search: orNull(text) });
    const found: PersonItem[] = [...agents.nodes, ...admins.nodes];
    if (text !== "") return found;
    return [this.viewer, NOBODY, ...found.filter((each) => each.id !== this.viewer.id)];
  };

  readonly people = async (text: string): Promise<readonly (Person & PersonItem)[]> =>
    (await this.client.query(FIND_PEOPLE, { search: orNull(text) })).users.nodes;

  readonly teams = async (text: string) =>
    (await this.client.query(FIND_TEAMS, { search: orNull(text) })).teams;

  readonly categories = async (text: string) =>
    (await this.client.query(FIND_CATEGORIES, { search: orNull(text) })).categories;

  readonly priorities = (text: string): Promise<readonly { id: Priority }[]> =>
    Promise.resolve(
      PRIORITIES.filter((id) => hasWords(priorityName(id), text)).map((id) => ({ id })),
    );

  /** Tags that tickets have. Without a text, those of this ticket come first. */
  async tags(text: string, own: readonly string[]): Promise<readonly TagItem[]> {
    const { tags } = await this.client.query(FIND_TAGS, { search: orNull(text) });
    const found = tags.nodes.map((each) => ({ id: each.name, count: each.ticketCount }));
    if (text !== "") return found;
    const others = found.filter((each) => !own.includes(each.id));
    return [...own.map((id) => ({ id, count: 1 })), ...others];
  }

  /** The text itself as a tag, if no ticket has it. */
  readonly newTag = (text: string, found: readonly TagItem[]): readonly TagItem[] => {
    const isKnown = text === "" || found.some((each) => each.id === text);
    return isKnown ? [] : [{ id: text, count: null }];
  };
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}
