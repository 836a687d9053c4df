// What the pickers of the list offer for a text.
import type { TicketwireClient } from "@ticketwire/client";
import { graphql } from "../../shared/graphql";
import { m } from "../../shared/messages";
import type { TicketStatus } from "../documents";
import { priorityName, statusName, type Priority } from "../parts/names";
import { hasWords } from "../parts/search.svelte";

const CHOOSE_AGENTS = graphql(`
  query ChooseAgents($search: String) {
    agents: users(search: $search, role: AGENT, active: true, first: 20) { nodes { ...Chosen } }
    admins: users(search: $search, role: ADMIN, active: true, first: 10) { nodes { ...Chosen } }
  }
  fragment Chosen on User { id displayName email }
`);
const CHOOSE_CUSTOMERS = graphql(`
  query ChooseRequesters($search: String) {
    users(search: $search, active: true, first: 20) { nodes { id displayName email } }
  }
`);
const CHOOSE_TEAMS = graphql(`
  query ChooseTeams($search: String) { teams(search: $search) { id slug name } }
`);
const CHOOSE_CATEGORIES = graphql(`
  query ChooseCategories($search: String) { categories(search: $search) { id slug name } }
`);
const CHOOSE_TAGS = graphql(`
  query ChooseTags($search: String) { tags(search: $search, first: 20) { nodes { name } } }
`);
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
const PRIORITIES: readonly Priority[] = ["URGENT", "HIGH", "NORMAL", "LOW"];
export const ME = "me";
export const NOBODY = "nobody";

type Find = (text: string) => Promise<readonly Choice[]>;

/** Those whose label has the words of a text. */
export function findIn(choices: readonly Choice[]): Find {
  return (text) => Promise.resolve(choices.filter((each) => hasWords(each.label, text)));
}

export class Choices {
  constructor(private readonly client: TicketwireClient) {}

  readonly statuses = findIn(STATUSES.map((id) => ({ id, label: statusName(id) })));
  readonly priorities = findIn(PRIORITIES.map((id) => ({ id, label: priorityName(id) })));

  nobodyAndMe(): readonly Choice[] {
    return [
      { id: ME, label: m.queue_me() },
      { id: NOBODY, label: m.queue_unassigned() },
    ];
  }

  /** Agents and admins. The viewer and nobody come first. */
  readonly assignees: Find = async (text) => {
    const found = await this.client.query(CHOOSE_AGENTS, { search: text || null });
    const special = this.nobodyAndMe().filter((each) => hasWords(each.label, text));
    return [...special, ...[...found.agents.nodes, ...found.admins.nodes].map(person)];
  };

  readonly requesters: Find = async (text) =>
    (await this.client.query(CHOOSE_CUSTOMERS, { search: text || null })).users.nodes.map(person);

  readonly teams: Find = async (text) =>
    (await this.client.query(CHOOSE_TEAMS, { search: text || null })).teams.map(bySlug);

  readonly categories: Find = async (text) =>
    (await this.client.query(CHOOSE_CATEGORIES, { search: text || null })).categories.map(bySlug);

  readonly tags: Find = async (text) => {
    const { tags } = await this.client.query(CHOOSE_TAGS, { search: text || null });
    return tags.nodes.map(({ name }) => ({ id: name, label: name }));
  };

  /** The names of people, for filters of an address. */
  async namesOf(ids: readonly string[]): Promise<readonly Choice[]> {
    const { nodes } = await this.client.query(NAMES_OF_USERS, { ids: [...ids] });
    return nodes.flatMap((each) =>
      each && "displayName" in each ? [{ id: each.id, label: each.displayName }] : [],
    );
  }
}

function person(user: { id: string; displayName: string; email: string | null }): Choice {
  return { id: user.id, label: user.displayName, ...(user.email && { detail: user.email }) };
}

function bySlug({ slug, name }: { slug: string; name: string }): Choice {
  return { id: slug, label: name };
}
