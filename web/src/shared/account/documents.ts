// The operations of the account page. They are sent by `execute`, which stores nothing: the responses
// have secrets.
import { graphql, type ResultOf } from "../graphql";

export const ACCOUNT = graphql(`
  query Account {
    viewer {
      role
      hasSecondFactor
      sessions { id createdAt lastUsedAt address userAgent current }
    }
  }
`);
export const CHANGE_PASSWORD = graphql(`
  mutation ChangePassword($input: ChangePasswordInput!) {
    result: changePassword(input: $input) { userErrors { message field } }
  }
`);
export const START_SECOND_FACTOR = graphql(`
  mutation StartSecondFactor($input: StartSecondFactorInput!) {
    result: startSecondFactor(input: $input) { secret otpauthUri userErrors { message field } }
  }
`);
export const CONFIRM_SECOND_FACTOR = graphql(`
  mutation ConfirmSecondFactor($input: ConfirmSecondFactorInput!) {
    result: confirmSecondFactor(input: $input) { recoveryCodes userErrors { message field } }
  }
`);
export const RENEW_RECOVERY_CODES = graphql(`
  mutation RenewRecoveryCodes($input: RenewRecoveryCodesInput!) {
    result: renewRecoveryCodes(input: $input) { recoveryCodes userErrors { message field } }
  }
`);
export const DISABLE_SECOND_FACTOR = graphql(`
  mutation DisableSecondFactor($input: DisableSecondFactorInput!) {
    result: disableSecondFactor(input: $input) { userErrors { message field } }
  }
`);
export const REVOKE_SESSION = graphql(`
  mutation RevokeSession($input: RevokeSessionInput!) {
    result: revokeSession(input: $input) { userErrors { message field } }
  }
`);
export const REVOKE_OTHER_SESSIONS = graphql(`
  mutation RevokeOtherSessions($input: RevokeAllSessionsInput!) {
    result: revokeAllSessions(input: $input) { userErrors { message field } }
  }
`);

export type Account = NonNullable<ResultOf<typeof ACCOUNT>["viewer"]>;
export type Session = Account["sessions"][number];
