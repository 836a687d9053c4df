// One ticket with its timeline, which follows the ticket's events.
import type { Query, Subscription, TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../api";
import { readable } from "../parts/sources";
import { TICKET_EVENTS } from "./documents";
import {
  EarlierEvents,
  type TicketWithTimeline,
  type TimelineEvent,
  type TimelinePage,
} from "./earlier-events.svelte";

/** The last page of the timeline is part of the ticket's query; earlier pages are read on demand. */
export class FollowedTicket<E extends TimelineEvent, T extends TicketWithTimeline<E>> {
  private readonly query: () => Query<{ readonly ticketByNumber: T | null }>;
  private events: Subscription | undefined;
  private readonly earlier: EarlierEvents<E>;
  /** Why the ticket is not live; empty if it is. */
  eventsError = $state("");

  /**
   * @param query The ticket with the end of its timeline.
   * @param readPage Reads the events before a cursor; null if the ticket is gone.
   * @param found Called when the ticket has been read for the first time.
   */
  constructor(
    private readonly client: TicketwireClient,
    query: Query<{ readonly ticketByNumber: T | null }>,
    readPage: (id: string, before: string) => Promise<TimelinePage<E> | null>,
    found: (ticket: T) => void = () => undefined,
  ) {
    this.earlier = new EarlierEvents(() => query.value?.ticketByNumber ?? null, readPage);
    query.subscribe(() => {
      this.earlier.follow();
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
    return this.earlier.with(this.ticket?.timeline.nodes ?? []);
  });
  /** The cursor before which there are earlier events; null if all are shown. */
  readonly start = $derived.by((): string | null => this.ticket && this.earlier.startOf(this.ticket));

  /** Read the events before those that are shown. */
  readEarlier(): Promise<void> {
    return this.earlier.read();
  }

  /** Read it again. What fails is in `error`. */
  async readAgain(): Promise<void> {
    await this.query().refetch().catch(() => undefined);
  }

  /** Follow the events again, after a failure. */
  followAgain(): void {
    const [query, id] = [this.query(), this.ticket?.id];
    if (id !== undefined) this.followEvents(query, id);
    void this.readAgain();
  }

  close(): void {
    this.events?.close();
    this.query().close();
  }

  private followEvents(query: Query<unknown>, ticketId: string): void {
    this.eventsError = "";
    this.events?.close();
    const events = this.client.follow(TICKET_EVENTS, {
      variables: { ticketId },
      after: query.cursor ?? null,
      next: () => void this.readAgain(),
      gap: () => query.refetch().then(() => query.cursor),
      statusChanged: () => {
        if (events.status === "failed") this.eventsError = messageOf(events.error);
      },
    });
    this.events = events;
  }
}
