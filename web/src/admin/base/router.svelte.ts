// The address of the page.
import { GuardedRouter } from "../../shared/page/guarded-router.svelte";

/** A part of the path. A wrong one stays as it is, so that the page says that it does not exist. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class AdminRouter extends GuardedRouter {
  /** The section and the record in the path: "/admin/teams/new" has ["teams", "new"]. */
  readonly parts = $derived(
    this.path.split("/").slice(2).filter(Boolean).map(decode),
  );
}

export const router = new AdminRouter();
export const { openLink } = router;

export function hrefOf(...parts: string[]): string {
  return ["/admin", ...parts.map(encodeURIComponent)].join("/");
}
