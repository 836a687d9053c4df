// The screens of wallboards: the operations for staff.
import { RequestError } from "../../shared/api";
import { execute } from "../../shared/execute";
import { graphql, type ResultOf } from "../../shared/graphql";

const SCREENS = graphql(`
  query WallScreens($after: String) {
    wallScreens(first: 100, after: $after) {
      nodes { id name lastSeenAt team { name } approvedBy { displayName } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
const APPROVE = graphql(`
  mutation ApproveWallScreen($input: ApproveWallScreenInput!) {
    approveWallScreen(input: $input) { wallScreen { id name } userErrors { code message field } }
  }
`);
const REVOKE = graphql(`
  mutation RevokeWallScreen($input: RevokeWallScreenInput!) {
    revokeWallScreen(input: $input) { userErrors { code message field } }
  }
`);

export type WallScreen = ResultOf<typeof SCREENS>["wallScreens"]["nodes"][number];
export type ApprovedScreen = Pick<WallScreen, "id" | "name">;
type Errors = readonly { readonly code: string; readonly message: string }[] | undefined;

/** All screens, on as many pages as they need: the operator may permit more than a page has. */
export async function listScreens(): Promise<readonly WallScreen[]> {
  const screens: WallScreen[] = [];
  let after: string | null = null;
  do {
    const page: ResultOf<typeof SCREENS>["wallScreens"] = (await execute(SCREENS, { after })).wallScreens;
    screens.push(...page.nodes);
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
  return screens;
}

/** The approved screen. Throws RequestError. */
export async function approveScreen(code: string, name: string, board: string): Promise<ApprovedScreen | null> {
  const result = await execute(APPROVE, { input: { code, name, board } });
  throwFirstError(result.approveWallScreen?.userErrors);
  return result.approveWallScreen?.wallScreen ?? null;
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
