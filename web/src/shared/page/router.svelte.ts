// The address of the page, and the ticket that it shows.

export class Router {
  protected url = $state.raw(new URL(location.href));

  /** Called after each change. */
  changed: () => void = () => undefined;

  constructor() {
    addEventListener("popstate", () => this.moved(new URL(location.href)));
  }

  get path(): string {
    return this.url.pathname;
  }

  /** The number of the ticket in the path; null if the path names none. */
  get ticketNumber(): number | null {
    const match = /^\/tickets\/(?:[a-z]+-)?(\d{1,9})$/i.exec(this.url.pathname);
    return match === null ? null : Number(match[1]);
  }

  get search(): URLSearchParams {
    return this.url.searchParams;
  }

  /** Show another address. */
  open(href: string): void {
    const target = new URL(href, location.href);
    if (target.href !== this.url.href) this.go(target, false);
  }

  /** Opens a link within the page, unless the person asks for another tab. */
  readonly openLink = (event: MouseEvent & { currentTarget: HTMLAnchorElement }): void => {
    const hasModifier = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (hasModifier || event.button !== 0) return;
    event.preventDefault();
    this.open(event.currentTarget.href);
  };

  protected go(target: URL, replaces: boolean): void {
    history[replaces ? "replaceState" : "pushState"](null, "", target);
    this.show(target);
  }

  /** Called when the browser has gone back or forth. */
  protected moved(url: URL): void {
    this.show(url);
  }

  private show(url: URL): void {
    this.url = url;
    this.changed();
  }
}
