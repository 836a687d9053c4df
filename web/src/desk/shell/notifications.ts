// The notifications of an agent, in words.
import { graphql, type ResultOf } from "../../shared/graphql";
import { m } from "../../shared/messages";
import { statusName } from "../../shared/parts/names";
import { metricName } from "../parts/sla";

const NOTIFICATION = graphql(`
  fragment DeskNotification on Notification {
    id
    readAt
    createdAt
    reason
    event {
      __typename
      id
      type
      actor { __typename displayName }
      ticket { id version ref subject }
      ... on TicketStatusChanged { to }
      ... on TicketRated { score }
      ... on SlaAtRisk { metric }
      ... on SlaBreached { metric }
    }
  }
`);
export const LATEST_NOTIFICATIONS = graphql(
  `
    query DeskNotifications($count: Int!) {
      notifications(first: $count) { nodes { ...DeskNotification } }
    }
  `,
  [NOTIFICATION],
);

/** The labels of the topics in the notification preferences. */
export const TOPICS = {
  RAISED: m.shell_topic_raised,
  REPLIES: m.shell_topic_replies,
  NOTES: m.shell_topic_notes,
  MENTIONS: m.shell_topic_mentions,
  STATUS: m.shell_topic_status,
  ASSIGNMENT: m.shell_topic_assignment,
  ESCALATION: m.shell_topic_escalation,
  SLA: m.shell_topic_sla,
  REMINDERS: m.shell_topic_reminders,
};

/** What has happened, in a sentence. */
export function textOf({ event, reason }: ResultOf<typeof NOTIFICATION>): string {
  const name = event.actor.displayName;
  switch (event.__typename) {
    case "TicketReplied":
      return m.ticket_new_reply({ name });
    case "TicketNoted":
      return reason === "MENTIONED" ? m.shell_notification_mention({ name }) : m.ticket_new_note({ name });
    case "TicketAssigned":
      return m.shell_notification_assigned({ name });
    case "TicketTransferred":
      return m.shell_notification_transferred({ name });
    case "TicketCreated":
      return m.shell_notification_created({ name });
    case "TicketStatusChanged":
      return m.shell_notification_status({ name, status: statusName(event.to) });
    case "SlaAtRisk":
      return m.ticket_event_at_risk({ metric: metricName(event.metric) });
    case "SlaBreached":
      return m.ticket_event_breached({ metric: metricName(event.metric) });
    case "TicketEscalated":
    case "TicketEscalationStep":
      return m.shell_notification_escalated();
    case "TicketRated":
      return m.shell_notification_rated({ name, score: event.score });
    case "TicketMailFailed":
      return m.shell_notification_mail_failed();
    case "TicketDraftProposed":
      return m.shell_notification_draft({ name });
    default:
      return m.shell_notification_changed({ name });
  }
}
