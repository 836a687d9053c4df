// One ticket with its timeline, which follows the ticket's events.
import type { Query, Subscription, TicketwireClient } from "@ticketwire/client";
import { readable } from "../parts/sources";
import { TICKET_EVENTS } from "./documents";

interface Event {
  readonly id: string;
  readonly cursor: string;
}

export interface TimelinePage<E extends Event> {
  readonly pageInfo: { readonly hasPreviousPage: boolean; readonly startCursor: string | null };
  readonly nodes: readonly E[];
}

interface Ticket<E extends Event> {
  readonly id: string;
  readonly timeline: TimelinePage<E>;
}

/** The last page of the timeline is part of the ticket's query; earlier pages are read on demand. */
export class FollowedTicket<E extends Event, T extends Ticket<E>> {
  private readonly query: () => Query<{ readonly ticketByNumber: T | null }>;
  private events: Subscription | undefined;
  private earlier = $state.raw<readonly E[]>([]);
  /** The cursor before which events are missing; undefined until earlier ones were read. */
  private earlierStart = $state.raw<string | null | undefined>(undefined);

  /**
   * @param query The ticket with the end of its timeline.
   * @param readPage Reads the events before a cursor; null if the ticket is gone.
   * @param found Called when the ticket has been read for the first time.
   */
  constructor(
    private readonly client: TicketwireClient,
    query: Query<{ readonly ticketByNumber: T | null }>,
    private readonly readPage: (id: string, before: string) => Promise<TimelinePage<E> | null>,
    found: (ticket: T) => void = () => undefined,
  ) {
    query.subscribe(() => {
      const ticket = query.value?.ticketByNumber;
      if (ticket == null || this.events !== undefined) return;
      this.followEvents(query, ticket.id);
      found(ticket);
    });
    this.query = readable(query);
  }

  get ticket(): T | null {
    return this.query().value?.ticketByNumber ?? null;
  }

  get isMissing(): boolean {
    const { value, status } = this.query();
    return status === "ready" && value?.ticketByNumber === null;
  }

  get error(): Error | undefined {
    const { error, value } = this.query();
    return value?.ticketByNumber ? undefined : error;
  }

  /** The ticket includes everything up to this cursor. */
  get cursor(): string | undefined {
    return this.query().cursor;
  }

  readonly timeline = $derived.by((): readonly E[] => {
    const page = this.ticket?.timeline.nodes ?? [];
    const known = new Set(page.map((each) => each.id));
    return [...this.earlier.filter((each) => !known.has(each.id)), ...page];
  });
  /** The cursor before which there are earlier events; null if all are shown. */
  readonly start = $derived.by((): string | null => {
    if (this.earlierStart !== undefined) return this.earlierStart;
    const info = this.ticket?.timeline.pageInfo;
    return info?.hasPreviousPage === true ? info.startCursor : null;
  });

  /** Read the events before those that are shown. */
  async readEarlier(): Promise<void> {
    const [ticket, before] = [this.ticket, this.start];
    if (ticket === null || before === null) return;
    const shown = this.timeline;
    const page = await this.readPage(ticket.id, before);
    if (page === null) return;
    // What is shown stays, also when newer events push it out of the query's page.
    this.earlier = [...page.nodes, ...shown];
    const { hasPreviousPage, startCursor } = page.pageInfo;
    this.earlierStart = hasPreviousPage ? startCursor : null;
  }

  /** Read it again. What fails is in `error`. */
  async readAgain(): Promise<void> {
    await this.query().refetch().catch(() => undefined);
  }

  close(): void {
    this.events?.close();
    this.query().close();
  }

  private followEvents(query: Query<unknown>, ticketId: string): void {
    this.events = this.client.follow(TICKET_EVENTS, {
      variables: { ticketId },
      after: query.cursor ?? null,
      next: () => void this.readAgain(),
      gap: () => query.refetch().then(() => query.cursor),
    });
  }
}
