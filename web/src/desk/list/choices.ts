// What the pickers of the list offer for a text.
import type { TicketwireClient } from "@ticketwire/client";
import { graphql } from "../../shared/graphql";
import { m } from "../../shared/messages";
import type { TicketStatus } from "../documents";
import { Directory, type FoundPerson } from "../parts/directory";
import { PRIORITY_ORDER, priorityName, statusName } from "../../shared/parts/names";
import { hasWords } from "../../shared/parts/search.svelte";

const NAMES_OF_USERS = graphql(`
  query NamesOfUsers($ids: [ID!]!) { nodes(ids: $ids) { ... on User { id displayName } } }
`);

export interface Choice {
  readonly id: string;
  readonly label: string;
  readonly detail?: string;
}

const STATUSES: readonly TicketStatus[] = [
  ...(["NEW", "OPEN", "WAITING_ON_CUSTOMER", "ON_HOLD", "RESOLVED", "CLOSED"] as const),
];
export const ME = "me";
export const NOBODY = "nobody";

type Find = (text: string) => Promise<readonly Choice[]>;

/** Those whose label has the words of a text. */
export function findIn(choices: readonly Choice[]): Find {
  return (text) => Promise.resolve(choices.filter((each) => hasWords(each.label, text)));
}

export class Choices {
  private readonly directory: Directory;

  constructor(private readonly client: TicketwireClient) {
    this.directory = new Directory(client);
  }

  readonly statuses = findIn(STATUSES.map((id) => ({ id, label: statusName(id) })));
  readonly priorities = findIn(PRIORITY_ORDER.map((id) => ({ id, label: priorityName(id) })));

  nobodyAndMe(): readonly Choice[] {
    return [
      { id: ME, label: m.queue_me() },
      { id: NOBODY, label: m.queue_unassigned() },
    ];
  }

  /** Agents and admins. The viewer and nobody come first. */
  readonly assignees: Find = async (text) => {
    const special = this.nobodyAndMe().filter((each) => hasWords(each.label, text));
    return [...special, ...(await this.directory.findStaff(text)).map(person)];
  };

  readonly requesters: Find = async (text) => (await this.directory.findPeople(text)).map(person);
  readonly teams: Find = async (text) => (await this.directory.findTeams(text)).map(bySlug);
  readonly categories: Find = async (text) => (await this.directory.findCategories(text)).map(bySlug);
  readonly tags: Find = async (text) =>
    (await this.directory.findTags(text)).map(({ name }) => ({ id: name, label: name }));

  /** The names of people, for filters of an address. */
  async namesOf(ids: readonly string[]): Promise<readonly Choice[]> {
    const { nodes } = await this.client.query(NAMES_OF_USERS, { ids: [...ids] });
    return nodes.flatMap((each) =>
      each && "displayName" in each ? [{ id: each.id, label: each.displayName }] : [],
    );
  }
}

function person(user: FoundPerson): Choice {
  return { id: user.id, label: user.displayName, ...(user.email && { detail: user.email }) };
}

function bySlug({ slug, name }: { slug: string; name: string }): Choice {
  return { id: slug, label: name };
}
