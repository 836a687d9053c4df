// What the palette finds for a text: the tickets, by the server.
import type { TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import { SEARCH, TICKET_BY_NUMBER, type FoundTicket } from "../documents";

const DELAY_MS = 150;
const MIN_LENGTH = 2;

/** Find tickets by their number or ref, and by words. */
export async function findTickets(
  client: TicketwireClient,
  text: string,
): Promise<readonly FoundTicket[]> {
  const number = /^(?:[a-z]+-)?(\d{1,9})$/i.exec(text)?.[1];
  const [byNumber, byWords] = await Promise.all([
    number === undefined ? null : client.query(TICKET_BY_NUMBER, { number: Number(number) }),
    client.query(SEARCH, { filter: { search: text } }),
  ]);
  const first = byNumber?.ticketByNumber ?? null;
  const others = byWords.tickets.nodes.filter((each) => each.id !== first?.id);
  return first === null ? others : [first, ...others];
}

export class PaletteSearch {
  text = $state("");
  tickets = $state.raw<readonly FoundTicket[]>([]);
  isSearching = $state(false);
  error = $state("");
  private timer: ReturnType<typeof setTimeout> | undefined;
  private latest = 0;

  constructor(private readonly client: TicketwireClient) {}

  /** Search for another text. Only the latest search counts. */
  search(text: string): void {
    this.text = text;
    this.error = "";
    const turn = ++this.latest;
    clearTimeout(this.timer);
    this.isSearching = text.trim().length >= MIN_LENGTH;
    if (this.isSearching) this.timer = setTimeout(() => void this.find(turn), DELAY_MS);
    else this.tickets = [];
  }

  private async find(turn: number): Promise<void> {
    try {
      const found = await findTickets(this.client, this.text.trim());
      if (turn === this.latest) this.tickets = found;
    } catch (error) {
      if (turn === this.latest) this.error = messageOf(error);
    } finally {
      if (turn === this.latest) this.isSearching = false;
    }
  }
}
