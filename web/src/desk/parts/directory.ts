// People, teams, categories and tags by a text. The server searches, so that 100,000 people are no
// problem.
import type { TicketwireClient } from "@ticketwire/client";
import { graphql, type ResultOf } from "../../shared/graphql";

const FIND_STAFF = graphql(`
  query FindStaff($search: String) {
    users(search: $search, roles: [AGENT, ADMIN], active: true, first: 30) {
      nodes { id displayName email }
    }
  }
`);
const FIND_PEOPLE = graphql(`
  query FindPeople($search: String) {
    users(search: $search, active: true, first: 20) { nodes { id displayName email } }
  }
`);
const FIND_TEAMS = graphql(`
  query FindTeams($search: String) { teams(search: $search) { id slug name } }
`);
const FIND_CATEGORIES = graphql(`
  query FindCategories($search: String) {
    categories(search: $search) { id slug name parent { id name } }
  }
`);
const FIND_TAGS = graphql(`
  query FindTags($search: String) {
    tags(search: $search, first: 20) { nodes { name ticketCount } }
  }
`);

export type FoundPerson = ResultOf<typeof FIND_PEOPLE>["users"]["nodes"][number];
type Found<Document, Name extends keyof ResultOf<Document>> = Promise<ResultOf<Document>[Name]>;

/** Finds by words; an empty text finds the first ones. */
export class Directory {
  constructor(private readonly client: TicketwireClient) {}

  /** Agents and admins. */
  async findStaff(text: string): Promise<readonly FoundPerson[]> {
    return (await this.client.query(FIND_STAFF, { search: orNull(text) })).users.nodes;
  }

  async findPeople(text: string): Promise<readonly FoundPerson[]> {
    return (await this.client.query(FIND_PEOPLE, { search: orNull(text) })).users.nodes;
  }

  async findTeams(text: string): Found<typeof FIND_TEAMS, "teams"> {
    return (await this.client.query(FIND_TEAMS, { search: orNull(text) })).teams;
  }

  async findCategories(text: string): Found<typeof FIND_CATEGORIES, "categories"> {
    return (await this.client.query(FIND_CATEGORIES, { search: orNull(text) })).categories;
  }

  async findTags(text: string): Promise<ResultOf<typeof FIND_TAGS>["tags"]["nodes"]> {
    return (await this.client.query(FIND_TAGS, { search: orNull(text) })).tags.nodes;
  }
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}
