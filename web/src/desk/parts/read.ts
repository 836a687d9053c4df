// Operations of pages that need no live records.
import { goToSignIn, RequestError } from "../../shared/api";
import { execute } from "../../shared/execute";

/** `execute`, which leads to the sign-in page if the session has ended. Throws RequestError. */
export const read: typeof execute = async (document, variables) => {
  try {
    return await execute(document, variables);
  } catch (failure) {
    if (failure instanceof RequestError && failure.code === "UNAUTHENTICATED") goToSignIn();
    throw failure;
  }
};
