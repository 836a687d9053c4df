// The orders that a person can choose for the list.
import { m } from "../../shared/messages";
import type { Choice } from "../list/choices";
import type { Order } from "../list/documents";

interface OrderChoice extends Choice {
  readonly field: Order["field"];
  /** The direction at first; choosing the same order again turns it. */
  readonly direction: Order["direction"];
}

function choice(label: string, field: Order["field"], direction: Order["direction"]): OrderChoice {
  return { id: field, label, field, direction };
}

export const ORDER_CHOICES: readonly OrderChoice[] = [
  choice(m.queue_column_sla(), "SLA_BREACHES_AT", "ASC"),
  choice(m.queue_priority(), "PRIORITY", "DESC"),
  choice(m.queue_column_created(), "CREATED_AT", "DESC"),
  choice(m.queue_column_updated(), "UPDATED_AT", "DESC"),
  choice(m.queue_column_last_reply(), "LAST_REPLY_AT", "DESC"),
];

/** The order after a choice: its own direction, or the opposite one if it is in use. */
export function orderAfter(id: string, current: readonly Order[]): Order[] {
  const chosen = ORDER_CHOICES.find((each) => each.id === id);
  if (chosen === undefined) return [...current];
  const [first] = current;
  const opposite = first?.direction === "ASC" ? "DESC" : "ASC";
  const direction = first?.field === chosen.field ? opposite : chosen.direction;
  return [{ field: chosen.field, direction, customField: null }];
}

/** The name of an order, with an arrow for its direction. */
export function orderName(orderBy: readonly Order[]): string {
  const [first] = orderBy;
  if (first === undefined) return "";
  const known = ORDER_CHOICES.find((each) => each.field === first.field);
  const name = known?.label ?? first.customField ?? m.queue_order_of_view();
  return `${name} ${first.direction === "ASC" ? "↑" : "↓"}`;
}
