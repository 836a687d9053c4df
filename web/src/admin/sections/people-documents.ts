// The operations of people.
import { graphql, type ResultOf } from "../../shared/graphql";

const PERSON = graphql(`
  fragment AdminPerson on User {
    id displayName email role active version externalId locale timeZone present hasPassword hasSecondFactor
    teams { slug name }
    organization { id name }
  }
`);
export const PEOPLE = graphql(
  `
    query AdminPeople($search: String, $active: Boolean, $after: String) {
      users(search: $search, active: $active, first: 50, after: $after) {
        nodes { ...AdminPerson }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [PERSON],
);
export const PERSON_BY_ID = graphql(
  `
    query AdminPersonById($id: ID!) { node(id: $id) { __typename ...AdminPerson } }
  `,
  [PERSON],
);
export const CREATE = graphql(
  `
    mutation AdminCreateUser($input: CreateUserInput!) {
      result: createUser(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);
export const INVITE = graphql(
  `
    mutation AdminInviteUser($input: InviteUserInput!) {
      result: inviteUser(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);
export const UPDATE = graphql(
  `
    mutation AdminUpdateUser($input: UpdateUserInput!) {
      result: updateUser(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);
export const SEND_INVITATION = graphql(
  `
    mutation AdminSendInvitation($input: SendInvitationInput!) {
      result: sendInvitation(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);
export const DEACTIVATE = graphql(
  `
    mutation AdminDeactivateUser($input: DeactivateUserInput!) {
      result: deactivateUser(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);
export const REACTIVATE = graphql(
  `
    mutation AdminReactivateUser($input: ReactivateUserInput!) {
      result: reactivateUser(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);
export const RESET_SECOND_FACTOR = graphql(
  `
    mutation AdminResetSecondFactor($input: ResetSecondFactorInput!) {
      result: resetSecondFactor(input: $input) {
        record: user { ...AdminPerson }
        userErrors { code message field }
      }
    }
  `,
  [PERSON],
);

export const SET_AVAILABILITY = graphql(
  `
    mutation AdminSetAvailability($input: SetAvailabilityInput!) {
      result: setAvailability(input: $input) { record: user { ...AdminPerson } userErrors { code message field } }
    }
  `,
  [PERSON],
);

export type Person = ResultOf<typeof PERSON>;
