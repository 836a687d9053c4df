// The address of a page that is not left without a question while it has what would be lost.
import { Router } from "./router.svelte";

export class GuardedRouter extends Router {
  /** The address that waits for the answer whether the changes are discarded. */
  waiting = $state.raw<URL | null>(null);
  private readonly guards = new Set<() => boolean>();

  /** Ask before the page is left, while the function returns true. Returns a function that ends this. */
  guard(hasChanges: () => boolean): () => void {
    this.guards.add(hasChanges);
    return () => void this.guards.delete(hasChanges);
  }

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

  private hasChanges(): boolean {
    return [...this.guards].some((each) => each());
  }
}
