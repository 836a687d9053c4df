// The operations of what belongs to a record: members, sessions, tokens.
import { graphql, type ResultOf } from "../../shared/graphql";

export const MEMBERS = graphql(`
  query AdminMembers($id: ID!) {
    node(id: $id) { __typename ... on Team { slug members { id displayName email active } } }
  }
`);
export const ADD_MEMBER = graphql(`
  mutation AdminAddMember($input: AddTeamMemberInput!) {
    result: addTeamMember(input: $input) { record: team { id } userErrors { code message field } }
  }
`);
export const REMOVE_MEMBER = graphql(`
  mutation AdminRemoveMember($input: RemoveTeamMemberInput!) {
    result: removeTeamMember(input: $input) { record: team { id } userErrors { code message field } }
  }
`);

const TOKEN = graphql(`
  fragment AdminToken on ApiToken { id name scopes prefix expiresAt lastUsedAt revokedAt rotatedAt createdAt }
`);
export const OWN_TOKENS = graphql(
  `
    query AdminOwnTokens { apiTokens { ...AdminToken } }
  `,
  [TOKEN],
);
export const CLIENT_TOKENS = graphql(
  `
    query AdminClientTokens($id: ID!) {
      node(id: $id) { __typename ... on ApiClient { tokens { ...AdminToken } } }
    }
  `,
  [TOKEN],
);
export const VIEWER_SCOPES = graphql(`
  query AdminScopes { viewer { scopes } }
`);
export const CREATE_TOKEN = graphql(`
  mutation AdminCreateToken($input: CreateApiTokenInput!) {
    createApiToken(input: $input) { token userErrors { code message field } }
  }
`);
export const ROTATE_TOKEN = graphql(`
  mutation AdminRotateToken($input: RotateApiTokenInput!) {
    rotateApiToken(input: $input) { token userErrors { code message field } }
  }
`);
export const REVOKE_TOKEN = graphql(`
  mutation AdminRevokeToken($input: RevokeApiTokenInput!) {
    result: revokeApiToken(input: $input) { record: apiToken { id } userErrors { code message field } }
  }
`);

export const PERSON_ACCESS = graphql(
  `
    query AdminPersonAccess($id: ID!) {
      node(id: $id) {
        __typename
        ... on User {
          hasPassword
          hasSecondFactor
          identities { issuer subject createdAt }
          sessions(first: 100) { nodes { id createdAt lastUsedAt address userAgent current } }
          apiTokens(first: 100) { nodes { ...AdminToken } }
        }
      }
    }
  `,
  [TOKEN],
);
export const REVOKE_SESSION = graphql(`
  mutation AdminRevokeSession($input: RevokeSessionInput!) {
    result: revokeSession(input: $input) { record: session { id } userErrors { code message field } }
  }
`);
export const REVOKE_SESSIONS = graphql(`
  mutation AdminRevokeSessions($input: RevokeAllSessionsInput!) {
    result: revokeAllSessions(input: $input) { record: user { id } userErrors { code message field } }
  }
`);
export const UNLINK_IDENTITY = graphql(`
  mutation AdminUnlinkIdentity($input: UnlinkIdentityInput!) {
    result: unlinkIdentity(input: $input) { record: user { id } userErrors { code message field } }
  }
`);

export type Token = ResultOf<typeof TOKEN>;
export type PersonAccess = Extract<NonNullable<ResultOf<typeof PERSON_ACCESS>["node"]>, { __typename: "User" }>;
export type Member = Extract<NonNullable<ResultOf<typeof MEMBERS>["node"]>, { __typename: "Team" }>["members"][number];

export const RETENTION_EFFECTS = graphql(`
  query AdminRetentionEffects($id: ID!) {
    node(id: $id) {
      __typename
      ... on RetentionPolicy {
        filterError erasedTickets erasedMessages erasedFiles lastErasedAt
        preview { tickets messages files cutoff }
      }
    }
  }
`);
export type RetentionEffects = Extract<
  NonNullable<ResultOf<typeof RETENTION_EFFECTS>["node"]>,
  { __typename: "RetentionPolicy" }
>;
