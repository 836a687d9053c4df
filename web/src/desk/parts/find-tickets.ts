// The tickets that the server finds for a text.
import type { TicketwireClient } from "@ticketwire/client";
import { SEARCH, TICKET_BY_NUMBER, type FoundTicket } from "../documents";

const MIN_LENGTH = 2;

/** Find tickets by their number or ref, and by words. A single character finds nothing. */
export async function findTickets(
  client: TicketwireClient,
  text: string,
): Promise<readonly FoundTicket[]> {
  if (text.length < MIN_LENGTH) return [];
  const number = /^(?:[a-z]+-)?(\d{1,9})$/i.exec(text)?.[1];
  const [byNumber, byWords] = await Promise.all([
    number === undefined ? null : client.query(TICKET_BY_NUMBER, { number: Number(number) }),
    client.query(SEARCH, { filter: { search: text } }),
  ]);
  const first = byNumber?.ticketByNumber ?? null;
  const others = byWords.tickets.nodes.filter((each) => each.id !== first?.id);
  return first === null ? others : [first, ...others];
}
