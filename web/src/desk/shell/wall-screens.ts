// The screens of wallboards: the operations for staff.
import { RequestError } from "../../shared/api";
import { execute } from "../../shared/execute";
import { graphql, type ResultOf } from "../../shared/graphql";

const SCREENS = graphql(`
  query WallScreens {
    wallScreens(first: 100) { nodes { id name lastSeenAt team { name } } }
  }
`);
const APPROVE = graphql(`
  mutation ApproveWallScreen($input: ApproveWallScreenInput!) {
    approveWallScreen(input: $input) { userErrors { code message field } }
  }
`);
const REVOKE = graphql(`
  mutation RevokeWallScreen($input: RevokeWallScreenInput!) {
    revokeWallScreen(input: $input) { userErrors { code message field } }
  }
`);

export type WallScreen = ResultOf<typeof SCREENS>["wallScreens"]["nodes"][number];
type Errors = readonly { readonly code: string; readonly message: string }[] | undefined;

export async function listScreens(): Promise<readonly WallScreen[]> {
  return (await execute(SCREENS, {})).wallScreens.nodes;
}

/** Throws RequestError. */
export async function approveScreen(code: string, name: string, board: string): Promise<void> {
  const result = await execute(APPROVE, { input: { code, name, board } });
  throwFirstError(result.approveWallScreen?.userErrors);
}

/** Throws RequestError, also if somebody else has revoked it. */
export async function revokeScreen(screenId: string): Promise<void> {
  const result = await execute(REVOKE, { input: { screenId } });
  throwFirstError(result.revokeWallScreen?.userErrors);
}

function throwFirstError(errors: Errors): void {
  const first = errors?.[0];
  if (first) throw new RequestError(first.message, first.code);
}
