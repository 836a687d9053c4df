// The person, and the records that forms offer to choose from.
import { graphql, type ResultOf } from "../../shared/graphql";

export const VIEWER = graphql(`
  query AdminViewer {
    viewer { role scopes user { id displayName } }
  }
`);
export const CHOICES = graphql(`
  query AdminChoices {
    teams { slug name }
    categories { slug name parent { name } }
    slaCalendars { id name }
  }
`);
export const FIND_PEOPLE = graphql(`
  query AdminFindPeople($search: String, $roles: [Role!], $active: Boolean) {
    users(search: $search, roles: $roles, active: $active, first: 10) {
      nodes { id displayName email }
    }
  }
`);
export const FIND_ORGANIZATIONS = graphql(`
  query AdminFindOrganizations($search: String) {
    organizations(search: $search, first: 10) { nodes { id name } }
  }
`);

export type Viewer = NonNullable<ResultOf<typeof VIEWER>["viewer"]>;
