// The events of a ticket, in words for customers.
import { m } from "../../shared/messages";
import { statusText } from "../words";
import type { PortalEvent } from "./documents";

/** What has happened, in a sentence. */
export function describeEvent(event: PortalEvent): string {
  const name = event.actor.displayName;
  switch (event.__typename) {
    case "TicketStatusChanged":
      return event.action === "REOPEN"
        ? m.portal_event_reopened({ name })
        : m.portal_event_status({ status: statusText({ status: event.to }) });
    case "TicketAssigned":
      return event.toAssignee
        ? m.portal_event_assigned({ name: event.toAssignee.displayName })
        : m.portal_event_unassigned();
    case "TicketAttachmentAdded":
      return m.portal_event_file({ name });
    case "TicketRated":
      return m.portal_event_rated({ name, score: event.score });
    case "TicketMerged":
      return event.into
        ? m.portal_event_merged_into({ ref: event.into.ref })
        : m.portal_event_merged_from({ ref: event.fromTicket?.ref ?? m.portal_other_ticket() });
    case "TicketUnmerged":
      return m.portal_event_unmerged();
    default:
      return m.portal_event_changed({ name });
  }
}

/** What a screen reader says about a new event. */
export function announcementOf(event: PortalEvent): string {
  return event.__typename === "TicketReplied"
    ? m.portal_new_reply({ name: event.actor.displayName })
    : describeEvent(event);
}

/** The text that a person gave with a change; null if there is none. */
export function commentOf(event: PortalEvent): string | null {
  return event.__typename === "TicketStatusChanged" || event.__typename === "TicketRated"
    ? event.comment
    : null;
}

/** The events without those that only say that a file came with a message, which shows it. */
export function withoutShownFiles(
  events: readonly PortalEvent[],
  ofDescription: readonly { readonly id: string }[],
): readonly PortalEvent[] {
  const replies = events.flatMap((each) =>
    each.__typename === "TicketReplied" ? each.reply.attachments : [],
  );
  const shown = new Set([...ofDescription, ...replies].map((each) => each.id));
  return events.filter(
    (each) => each.__typename !== "TicketAttachmentAdded" || !shown.has(each.attachment?.id ?? ""),
  );
}

export function isBy(event: PortalEvent, userId: string): boolean {
  return "id" in event.actor && event.actor.id === userId;
}
