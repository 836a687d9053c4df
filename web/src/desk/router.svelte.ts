// The address of the desk: the view and the ticket that it shows, or a page beside them.
import { GuardedRouter } from "../shared/page/guarded-router.svelte";

export type PageName = "reports" | "webhooks";
const PAGE = /^\/desk\/(reports|webhooks)(?:\/([\w-]{1,100}))?\/?$/;

class DeskRouter extends GuardedRouter {
  /** The id of the view, or null for the first one. */
  get view(): string | null {
    return this.search.get("view");
  }

  /** The page that is shown instead of the list and the ticket; null for these. */
  get page(): PageName | null {
    return (PAGE.exec(this.url.pathname)?.[1] as PageName | undefined) ?? null;
  }

  /** What the page shows, such as the id of a webhook; null for its start. */
  get pageItem(): string | null {
    return PAGE.exec(this.url.pathname)?.[2] ?? null;
  }

  hrefOfTicket(ref: string): string {
    return `/tickets/${ref}${this.searchOfList}`;
  }

  hrefOfList(): string {
    return `/desk${this.searchOfList}`;
  }

  hrefOfPage(page: PageName, item?: string): string {
    return item === undefined ? `/desk/${page}` : `/desk/${page}/${item}`;
  }

  /** A page has another query in its address than the list. */
  private get searchOfList(): string {
    return this.page === null ? this.url.search : "";
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
