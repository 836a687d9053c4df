// Messages of others that have arrived while the person writes.
import type { TimelineEvent } from "../ticket-documents";

export type UnseenMessage = Extract<TimelineEvent, { __typename: "TicketReplied" | "TicketNoted" }>;

/**
 * The messages of other people after a cursor.
 *
 * @param seen The person has seen everything up to this cursor; undefined: everything.
 */
export function findUnseen(
  events: readonly TimelineEvent[],
  seen: string | undefined,
  viewerId: string,
): UnseenMessage[] {
  if (seen === undefined) return [];
  return events.filter(isMessage).filter((event) => {
    const { actor } = event;
    const isOwn = actor.__typename === "User" && actor.id === viewerId;
    return event.cursor > seen && !isOwn;
  });
}

export function isMessage(event: TimelineEvent): event is UnseenMessage {
  return event.__typename === "TicketReplied" || event.__typename === "TicketNoted";
}
