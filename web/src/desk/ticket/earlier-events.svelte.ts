// The events before those of the ticket's query, which always has the last ones. They are read once,
// and read again when one of them may have another text.
import type { TicketwireClient } from "@ticketwire/client";
import { uniqueById } from "../parts/unique";
import { EARLIER_EVENTS, type TicketDetails, type TimelineEvent } from "./documents";

/** After these, earlier messages may have another text, or belong to another ticket. */
const CHANGES_OF_MESSAGES: ReadonlySet<string> = new Set([
  "TicketMessageRedacted",
  "TicketRedacted",
  "TicketMerged",
  "TicketUnmerged",
]);

export class EarlierEvents {
  private events = $state.raw<readonly TimelineEvent[]>([]);
  /** The cursor before which events are missing; undefined until earlier ones were read. */
  private before = $state.raw<string | null | undefined>(undefined);
  private page: readonly TimelineEvent[] = [];
  private textsErasedAt: string | null = null;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: TicketwireClient,
    private readonly getTicket: () => TicketDetails | null,
  ) {}

  /** The events before a page of the last ones, and that page. */
  with(page: readonly TimelineEvent[]): readonly TimelineEvent[] {
    const known = new Set(page.map((each) => each.id));
    return [...this.events.filter((each) => !known.has(each.id)), ...page];
  }

  /** The cursor before which there are earlier events; null if all are shown. */
  startOf({ timeline }: TicketDetails): string | null {
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
    const isChange = (each: TimelineEvent): boolean =>
      each.cursor > last && CHANGES_OF_MESSAGES.has(each.__typename);
    if (hasGap || isErased || page.some(isChange)) this.readAgain(ticket);
    else this.events = uniqueById([...this.events, ...page]);
  }

  /** Read all that is shown again. Without a response, it is not shown: a text may be removed. */
  private readAgain(ticket: TicketDetails): void {
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

  private async readUpTo(ticket: TicketDetails, oldest: string): Promise<void> {
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

  private async readPage(id: string, before: string) {
    const { ticket } = await this.client.query(EARLIER_EVENTS, { id, before });
    return ticket?.timeline ?? null;
  }
}

interface PageInfo {
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
}

function startOf({ hasPreviousPage, startCursor }: PageInfo): string | null {
  return hasPreviousPage ? startCursor : null;
}
