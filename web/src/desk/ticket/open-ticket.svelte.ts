// The ticket that the desk shows: with the changes of the person, and who else is there.
import type { TicketwireClient } from "@ticketwire/client";
import { FollowedTicket } from "../../shared/ticket/followed-ticket.svelte";
import { TicketChanges } from "./changes";
import { EARLIER_EVENTS, TICKET, type TicketDetails, type TimelineEvent } from "../ticket-documents";
import { TicketPresence } from "./presence.svelte";
import { Visits } from "./visits";

export class OpenTicket extends FollowedTicket<TimelineEvent, TicketDetails> {
  readonly changes: TicketChanges;
  /** Up to where the person has seen the ticket before; null if that is not known. */
  lastSeen = $state.raw<string | null>(null);
  /** Whether the person reads the ticket, and has not only passed it on the way to another one. */
  isSeen = $state(false);
  presence = $state.raw<TicketPresence | null>(null);
  private readonly visits: Visits;

  constructor(client: TicketwireClient, number: number, viewerId: string) {
    const query = client.watch(TICKET, { number });
    super(
      client,
      query,
      async (id, before) =>
        (await client.query(EARLIER_EVENTS, { id, before })).ticket?.timeline ?? null,
      ({ id }) => {
        this.lastSeen = this.visits.lastSeen(id);
        this.presence = new TicketPresence(client, id, viewerId);
      },
    );
    this.visits = new Visits(viewerId);
    const getTicket = (): TicketDetails => query.value!.ticketByNumber!; // only its page changes it
    this.changes = new TicketChanges(client, getTicket, this.noteSeen);
  }

  readonly noteSeen = (): void => {
    this.isSeen = true;
  };

  /** Remember that the person has seen what is shown now. */
  noteVisit(): void {
    const last = this.timeline.at(-1);
    if (this.ticket && last) this.visits.note(this.ticket.id, last.cursor);
  }

  override close(): void {
    this.presence?.close();
    super.close();
  }
}
