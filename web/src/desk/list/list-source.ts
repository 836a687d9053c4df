// What a list asks the server for, and what it does itself.
import type { TicketRow } from "../documents";
import type { Order, TicketFilter } from "./documents";
import { isFieldColumn } from "./list-columns";
import type { View } from "./views";

export interface ListSource {
  readonly filter: TicketFilter;
  readonly orderBy: readonly Order[];
  /** Only rows that are unread, or only others; null for all. */
  readonly unread: boolean | null;
  /** Whether rows have the values of custom fields. */
  readonly withFields: boolean;
  readonly matches?: ((row: TicketRow) => boolean) | undefined;
}

export function sourceOf(view: View): ListSource {
  const { filter, unread } = splitUnread(view.filter);
  const withFields = view.columns.some(isFieldColumn);
  return { filter, unread, withFields, orderBy: view.orderBy, matches: view.matches };
}

export function isSameSource(a: ListSource, b: ListSource | undefined): boolean {
  const text = (source: ListSource | undefined): string =>
    JSON.stringify([source?.filter, source?.orderBy, source?.unread, source?.withFields]);
  return text(a) === text(b);
}

/** Takes `unread` out of a filter: subscriptions refuse it, because no event tells who has read. */
export function splitUnread(whole: TicketFilter): {
  filter: TicketFilter;
  unread: boolean | null;
} {
  const { unread: own, and, ...filter } = whole;
  const parts = (and ?? []).map(splitUnread);
  const unread = [own, ...parts.map((each) => each.unread)].find((each) => each != null) ?? null;
  const rest = parts.map((each) => each.filter).filter((each) => Object.keys(each).length > 0);
  return { filter: rest.length > 0 ? { ...filter, and: rest } : filter, unread };
}
