// The address of the page. A form with changes is not left without a question.
import { Router } from "../../shared/page/router.svelte";

class AdminRouter extends Router {
  /** Whether the page has changes that are not saved. */
  hasChanges: () => boolean = () => false;
  /** The address that waits for the answer whether the changes are discarded. */
  waiting = $state.raw<URL | null>(null);

  /** The section and the record in the path: "/admin/teams/new" has ["teams", "new"]. */
  readonly parts = $derived(
    this.path.split("/").slice(2).filter(Boolean).map((part) => decodeURIComponent(part)),
  );

  /** Show another address in the place of this one. Changes are saved already. */
  replace(href: string): void {
    super.go(new URL(href, location.href), true);
  }

  leave(): void {
    const target = this.waiting;
    this.waiting = null;
    if (target !== null) super.go(target, false);
  }

  stay(): void {
    this.waiting = null;
  }

  protected override go(target: URL, replaces: boolean): void {
    if (this.hasChanges()) this.waiting = target;
    else super.go(target, replaces);
  }

  /** The browser has gone back already: return, and ask. */
  protected override moved(url: URL): void {
    if (!this.hasChanges()) return super.moved(url);
    history.pushState(null, "", this.url);
    this.waiting = url;
  }
}

export const router = new AdminRouter();
export const { openLink } = router;

export function hrefOf(...parts: string[]): string {
  return ["/admin", ...parts.map(encodeURIComponent)].join("/");
}
