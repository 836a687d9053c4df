// Changes of a ticket in words.
import { m } from "../../shared/messages";
import { statusName } from "../../shared/parts/names";
import { metricName } from "../parts/sla";
import { isMessage } from "../composer/unseen";
import type { TimelineEvent } from "../ticket-documents";
import { describeChange } from "./field-changes";
import { linkName } from "./link-kinds";
import { isSlaEvent, type TimelineEntry } from "./timeline-entries";

/** What has changed, in a sentence. */
export function describeEntry(entry: TimelineEntry): string {
  const changes = entry.map(describeEvent).join(", ");
  const actor = entry[0].actor.displayName;
  return isSlaEvent(entry[0]) ? changes : m.ticket_event({ actor, changes });
}

/** What a screen reader says about new events: messages first, because they matter most. */
export function announcementsOf(events: readonly TimelineEvent[]): string[] {
  const others = events.filter((each) => !isMessage(each));
  return [...events.filter(isMessage), ...others].map(announcementOf);
}

function announcementOf(event: TimelineEvent): string {
  const name = event.actor.displayName;
  switch (event.__typename) {
    case "TicketReplied":
      return m.ticket_new_reply({ name });
    case "TicketNoted":
      return m.ticket_new_note({ name });
    default:
      return describeEntry([event]);
  }
}

function describeEvent(event: TimelineEvent): string {
  switch (event.__typename) {
    case "TicketStatusChanged": {
      const from = event.from === null ? m.ticket_none() : statusName(event.from);
      return m.ticket_event_status({ from, to: statusName(event.to) });
    }
    case "TicketAssigned":
      return event.toAssignee
        ? m.ticket_event_assigned({ name: event.toAssignee.displayName })
        : m.ticket_event_unassigned();
    case "TicketTransferred":
      return m.ticket_event_transferred({ team: event.toTeam.name });
    case "TicketEscalated":
      return m.ticket_event_escalated({ level: event.level });
    case "TicketUpdated":
      return event.changes.map(describeChange).join(", ") || m.ticket_event_updated();
    case "TicketAttachmentAdded":
      return m.ticket_event_file();
    case "TicketLinked":
      return m.ticket_event_linked({ kind: linkName(event.kind), ref: refOf(event.other) });
    case "TicketUnlinked":
      return m.ticket_event_unlinked({ kind: linkName(event.kind), ref: refOf(event.other) });
    case "TicketMerged":
      return m.ticket_event_merged({ from: refOf(event.fromTicket), into: refOf(event.into) });
    case "TicketUnmerged":
      return m.ticket_event_unmerged({ from: refOf(event.fromTicket), into: refOf(event.into) });
    case "TicketReplyMoved":
      return m.ticket_event_reply_moved({ ref: refOf(event.movedTo) });
    case "TicketMessageRedacted":
      return m.ticket_event_message_redacted();
    case "TicketRedacted":
      return m.ticket_event_redacted();
    case "TicketRated":
      return m.ticket_event_rated({ score: event.score });
    case "TicketMailFailed":
      return m.ticket_event_mail_failed({ answer: event.answer });
    case "TicketDraftProposed":
      return m.ticket_event_draft_proposed({ name: event.user?.displayName ?? "" });
    case "SlaAtRisk":
      return m.ticket_event_at_risk({ metric: metricName(event.metric) });
    case "SlaBreached":
      return m.ticket_event_breached({ metric: metricName(event.metric) });
    case "SlaAchieved":
      return m.ticket_event_achieved({ metric: metricName(event.metric) });
    case "SlaRetargeted":
      return m.ticket_event_retargeted();
    case "TicketReminded":
      return m.ticket_event_reminded();
    case "TicketEscalationStep":
      return m.ticket_event_escalation_step();
    default:
      return event.type.toLowerCase().replaceAll("_", " ");
  }
}

/** The ref of a ticket that the person may see. */
function refOf(ticket: { ref: string } | null): string {
  return ticket?.ref ?? m.ticket_other_ticket();
}
