// The relations of two tickets in words.
import { m } from "../../shared/messages";
import type { TicketDetails } from "../ticket-documents";

export type LinkKind = TicketDetails["links"][number]["kind"];

export const LINK_NAMES: Readonly<Record<LinkKind, () => string>> = {
  RELATED: m.ticket_link_related,
  DUPLICATE_OF: m.ticket_link_duplicate_of,
  DUPLICATED_BY: m.ticket_link_duplicated_by,
  FOLLOW_UP_OF: m.ticket_link_follow_up_of,
  FOLLOWED_UP_BY: m.ticket_link_followed_up_by,
  PARENT_OF: m.ticket_link_parent_of,
  CHILD_OF: m.ticket_link_child_of,
};

export function linkName(kind: LinkKind): string {
  return LINK_NAMES[kind]();
}
