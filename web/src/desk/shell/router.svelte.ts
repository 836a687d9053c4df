// The address of the page: the view and the ticket that it shows.

class Router {
  private url = $state.raw(new URL(location.href));

  /** Called after each change. */
  changed: () => void = () => undefined;

  constructor() {
    addEventListener("popstate", () => this.show(new URL(location.href)));
  }

  /** The number of the ticket in the path; null if the path names none. */
  get ticketNumber(): number | null {
    const match = /^\/tickets\/(?:[a-z]+-)?(\d{1,9})$/i.exec(this.url.pathname);
    return match === null ? null : Number(match[1]);
  }

  /** The id of the view, or null for the first one. */
  get view(): string | null {
    return this.url.searchParams.get("view");
  }

  get search(): URLSearchParams {
    return this.url.searchParams;
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
  open(href: string): void {
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

  private go(target: URL, replaces: boolean): void {
    history[replaces ? "replaceState" : "pushState"](null, "", target);
    this.show(target);
  }

  private show(url: URL): void {
    this.url = url;
    this.changed();
  }
}

export const router = new Router();

/** Opens a link within the page, unless the person asks for another tab. */
export function openLink(event: MouseEvent & { currentTarget: HTMLAnchorElement }): void {
  const hasModifier = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (hasModifier || event.button !== 0) return;
  event.preventDefault();
  router.open(event.currentTarget.href);
}
