// One ticket with its timeline, which follows the ticket's events.
import type { Query, Subscription, TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import { TICKET, TICKET_EVENTS, type TicketDetails, type TimelineEvent } from "./documents";
import { EarlierEvents } from "./earlier-events.svelte";
import type { ResultOf } from "../../shared/graphql";
import { readable } from "../parts/sources";
import { TicketChanges } from "./changes";
import { TicketPresence } from "./presence.svelte";
import { Visits } from "./visits";

type Result = ResultOf<typeof TICKET>;

export class OpenTicket {
  readonly changes: TicketChanges;
  private readonly query: () => Query<Result>;
  /** Up to where the person has seen the ticket before; null if that is not known. */
  lastSeen = $state.raw<string | null>(null);
  /** Whether the person reads the ticket, and has not only passed it on the way to another one. */
  isSeen = $state(false);
  presence = $state.raw<TicketPresence | null>(null);
  /** Why the ticket is not live; empty if it is. */
  eventsError = $state("");
  private readonly visits: Visits;
  private events: Subscription | undefined;
  private readonly earlier: EarlierEvents;

  constructor(
    private readonly client: TicketwireClient,
    number: number,
    viewerId: string,
  ) {
    const visits = new Visits(viewerId);
    this.visits = visits;
    const query = client.watch(TICKET, { number });
    this.earlier = new EarlierEvents(client, () => query.value?.ticketByNumber ?? null);
    query.subscribe(() => {
      this.earlier.follow();
      const id = query.value?.ticketByNumber?.id;
      if (id === undefined || this.events !== undefined) return;
      this.followEvents(query, id);
      this.lastSeen = visits.lastSeen(id);
      this.presence = new TicketPresence(client, id, viewerId);
    });
    this.query = readable(query);
    const getTicket = (): TicketDetails => query.value!.ticketByNumber!; // only its page changes it
    this.changes = new TicketChanges(client, getTicket, this.noteSeen);
  }

  get ticket(): TicketDetails | null {
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

  readonly timeline = $derived.by((): readonly TimelineEvent[] => {
    return this.earlier.with(this.ticket?.timeline.nodes ?? []);
  });
  /** The cursor before which there are earlier events; null if all are shown. */
  readonly start = $derived.by((): string | null => this.ticket && this.earlier.startOf(this.ticket));

  /** Read the events before those that are shown. */
  readEarlier(): Promise<void> {
    return this.earlier.read();
  }

  readonly noteSeen = (): void => {
    this.isSeen = true;
  };

  /** Remember that the person has seen what is shown now. */
  noteVisit(): void {
    const last = this.timeline.at(-1);
    if (this.ticket && last) this.visits.note(this.ticket.id, last.cursor);
  }

  readAgain(): Promise<void> {
    return this.query().refetch();
  }

  /** Follow the events again, after a failure. */
  followAgain(): void {
    const [query, id] = [this.query(), this.ticket?.id];
    if (id !== undefined) this.followEvents(query, id);
    void this.readAgain().catch(() => undefined); // the error is in `error`
  }

  close(): void {
    this.events?.close();
    this.presence?.close();
    this.query().close();
  }

  private followEvents(query: Query<Result>, ticketId: string): void {
    this.eventsError = "";
    this.events?.close();
    const events = this.client.follow(TICKET_EVENTS, {
      variables: { ticketId },
      after: query.cursor ?? null,
      next: () => void query.refetch().catch(() => undefined), // the error is in `error`
      gap: () => query.refetch().then(() => query.cursor),
      statusChanged: () => {
        if (events.status === "failed") this.eventsError = messageOf(events.error);
      },
    });
    this.events = events;
  }
}
