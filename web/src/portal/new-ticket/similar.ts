// Own tickets that may be about the same.
import type { TicketwireClient } from "@ticketwire/client";
import { FIND_SIMILAR, type SimilarTicket } from "./documents";

const MIN_WORD_CHARS = 4;
const MAX_WORDS = 5;
const MAX_SHOWN = 3;

/** The tickets that have the most of the longest words of a subject. */
export async function findSimilar(
  client: TicketwireClient,
  viewerId: string,
  subject: string,
): Promise<readonly SimilarTicket[]> {
  const words = [...new Set(subject.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [])]
    .filter((word) => word.length >= MIN_WORD_CHARS)
    .sort((a, b) => b.length - a.length)
    .slice(0, MAX_WORDS);
  if (words.length === 0) return [];
  const filter = {
    requesterId: { eq: viewerId },
    or: words.map((word) => ({ search: word })),
  };
  const { tickets } = await client.query(FIND_SIMILAR, { filter });
  const hits = (ticket: SimilarTicket): number =>
    words.filter((word) => ticket.subject.toLowerCase().includes(word)).length;
  return [...tickets.nodes].sort((a, b) => hits(b) - hits(a)).slice(0, MAX_SHOWN);
}
