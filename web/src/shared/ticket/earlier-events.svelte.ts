// The events before those of the ticket's query, which always has the last ones. They are read once,
// and read again when one of them may have another text.
import { uniqueById } from "../parts/unique";

export interface TimelineEvent {
  readonly __typename: string;
  readonly id: string;
  readonly cursor: string;
}

interface PageInfo {
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
}

export interface TimelinePage<E extends TimelineEvent> {
  readonly pageInfo: PageInfo;
  readonly nodes: readonly E[];
}

export interface TicketWithTimeline<E extends TimelineEvent> {
  readonly id: string;
  /** When an erasure changed its texts last. */
  readonly textsErasedAt: string | null;
  readonly timeline: TimelinePage<E>;
}

/** After these, earlier messages may have another text, or belong to another ticket. */
const CHANGES_OF_MESSAGES: ReadonlySet<string> = new Set([
  "TicketMessageRedacted",
  "TicketRedacted",
  "TicketMerged",
  "TicketUnmerged",
]);

export class EarlierEvents<E extends TimelineEvent> {
  private events = $state.raw<readonly E[]>([]);
  /** The cursor before which events are missing; undefined until earlier ones were read. */
  private before = $state.raw<string | null | undefined>(undefined);
  private page: readonly E[] = [];
  private textsErasedAt: string | null = null;
  private reading: Promise<void> = Promise.resolve();

  /**
   * @param getTicket The ticket with the last page of its timeline.
   * @param readPage Reads the events before a cursor; null if the ticket is gone.
   */
  constructor(
    private readonly getTicket: () => TicketWithTimeline<E> | null,
    private readonly readPage: (id: string, before: string) => Promise<TimelinePage<E> | null>,
  ) {}

  /** The events before a page of the last ones, and that page. */
  with(page: readonly E[]): readonly E[] {
    const known = new Set(page.map((each) => each.id));
    return [...this.events.filter((each) => !known.has(each.id)), ...page];
  }

  /** The cursor before which there are earlier events; null if all are shown. */
  startOf({ timeline }: TicketWithTimeline<E>): string | null {
    return this.before === undefined ? startOf(timeline.pageInfo) : this.before;
  }

  /** Read one page more. */
  async read(): Promise<void> {
    await this.reading;
    const ticket = this.getTicket();
    const before = ticket && this.startOf(ticket);
    if (!ticket || !before) return;
    const shown = this.with(ticket.timeline.nodes);
    const found = await this.readPage(ticket.id, before);
    if (found === null) return;
    // What is shown stays, also when newer events push it out of the query's page.
    this.events = [...found.nodes, ...shown];
    this.before = startOf(found.pageInfo);
    this.page = ticket.timeline.nodes;
    this.textsErasedAt = ticket.textsErasedAt;
    this.follow();
  }

  /** The query has a new page of the last events. */
  follow(): void {
    const ticket = this.getTicket();
    if (ticket === null || this.before === undefined) return;
    const [previous, page] = [this.page, ticket.timeline.nodes];
    if (page === previous) return;
    this.page = page;
    const last = previous.at(-1)?.cursor ?? "";
    const isErased = ticket.textsErasedAt !== this.textsErasedAt;
    this.textsErasedAt = ticket.textsErasedAt;
    const hasGap = (page[0]?.cursor ?? "") > last;
    const isChange = (each: E): boolean =>
      each.cursor > last && CHANGES_OF_MESSAGES.has(each.__typename);
    if (hasGap || isErased || page.some(isChange)) this.readAgain(ticket);
    else this.events = uniqueById([...this.events, ...page]);
  }

  /** Read all that is shown again. Without a response, it is not shown: a text may be removed. */
  private readAgain(ticket: TicketWithTimeline<E>): void {
    const again = async (): Promise<void> => {
      try {
        await this.readUpTo(ticket, this.events[0]?.cursor ?? "");
      } catch {
        this.events = [];
        this.before = undefined;
      }
    };
    this.reading = this.reading.then(again);
  }

  private async readUpTo(ticket: TicketWithTimeline<E>, oldest: string): Promise<void> {
    let events = ticket.timeline.nodes;
    let before = startOf(ticket.timeline.pageInfo);
    while (before !== null && (events[0]?.cursor ?? "") > oldest) {
      const found = await this.readPage(ticket.id, before);
      if (found === null) break;
      events = [...found.nodes, ...events];
      before = startOf(found.pageInfo);
    }
    this.events = uniqueById([...events, ...this.page]);
    this.before = before;
  }
}

function startOf({ hasPreviousPage, startCursor }: PageInfo): string | null {
  return hasPreviousPage ? startCursor : null;
}
