// What the pickers of a ticket offer for a text. People, teams and tags are searched by the server.
import type { TicketwireClient } from "@ticketwire/client";
import type { Person } from "../documents";
import { Directory } from "../parts/directory";
import { PRIORITY_ORDER, priorityName, type Priority } from "../../shared/parts/names";
import { hasWords } from "../../shared/parts/search.svelte";

/** A person; with neither name nor address it stands for nobody. */
export interface PersonItem {
  readonly id: string;
  readonly displayName: string | null;
  readonly email?: string | null;
}

export interface TagItem {
  readonly id: string;
  /** The number of tickets that have the tag; null if it is new, undefined if it is not known. */
  readonly count?: number | null;
}

const NOBODY: PersonItem = { id: "nobody", displayName: null };

export class Finders {
  private readonly directory: Directory;

  constructor(
    client: TicketwireClient,
    private readonly viewer: Person,
  ) {
    this.directory = new Directory(client);
  }

  /** Agents and admins. Without a text, the viewer and nobody come first. */
  readonly assignees = async (text: string): Promise<readonly PersonItem[]> => {
    const found: readonly PersonItem[] = await this.directory.findStaff(text);
    if (text !== "") return found;
    return [this.viewer, NOBODY, ...found.filter((each) => each.id !== this.viewer.id)];
  };

  readonly people = (text: string) => this.directory.findPeople(text);
  readonly teams = (text: string) => this.directory.findTeams(text);
  readonly categories = (text: string) => this.directory.findCategories(text);

  readonly priorities = (text: string): Promise<readonly { id: Priority }[]> =>
    Promise.resolve(
      PRIORITY_ORDER.filter((id) => hasWords(priorityName(id), text)).map((id) => ({ id })),
    );

  /** Tags that tickets have. Without a text, those of this ticket come first. */
  async tags(text: string, own: readonly string[]): Promise<readonly TagItem[]> {
    const tags = await this.directory.findTags(text);
    const found = tags.map((each) => ({ id: each.name, count: each.ticketCount }));
    if (text !== "") return found;
    const others = found.filter((each) => !own.includes(each.id));
    return [...own.map((id): TagItem => found.find((each) => each.id === id) ?? { id }), ...others];
  }

  /** The text itself as a tag, if no ticket has it. */
  readonly newTag = (text: string, found: readonly TagItem[]): readonly TagItem[] => {
    const isKnown = text === "" || found.some((each) => each.id === text);
    return isKnown ? [] : [{ id: text, count: null }];
  };
}
