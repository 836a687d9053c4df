// The address of the desk: the view and the ticket that it shows.
import { Router } from "../shared/page/router.svelte";

class DeskRouter extends Router {
  /** The id of the view, or null for the first one. */
  get view(): string | null {
    return this.search.get("view");
  }

  hrefOfTicket(ref: string): string {
    return `/tickets/${ref}${this.url.search}`;
  }

  hrefOfList(): string {
    return `/desk${this.url.search}`;
  }

  hrefOfView(id: string | null): string {
    return id === null ? "/desk" : `/desk?view=${encodeURIComponent(id)}`;
  }

  /** Show another address. From ticket to ticket, the history keeps only the last one. */
  override open(href: string): void {
    const target = new URL(href, location.href);
    if (target.href === this.url.href) return;
    const isTicket = this.ticketNumber !== null && target.pathname.startsWith("/tickets/");
    this.go(target, isTicket && target.search === this.url.search);
  }

  /** Show the same page with another query in its address. */
  openSearch(search: URLSearchParams, replaces: boolean): void {
    const target = new URL(this.url);
    target.search = search.toString();
    if (target.href !== this.url.href) this.go(target, replaces);
  }
}

export const router = new DeskRouter();
export const { openLink } = router;
