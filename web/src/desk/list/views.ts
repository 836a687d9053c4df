// The lists of the desk: one that is always there, and the saved views.
import { m } from "../../shared/messages";
import type { TicketRow } from "../documents";
import type { Order, StoredView, TicketFilter } from "./documents";
import { fieldColumn, type ListColumn } from "./list-columns";

export interface View {
  /** Null for the list of all open tickets. */
  readonly id: string | null;
  readonly name: string;
  readonly filter: TicketFilter;
  readonly orderBy: readonly Order[];
  /** Empty for the default columns. */
  readonly columns: readonly ListColumn[];
  /** Null if it is not known. */
  readonly count: number | null;
  /** What the server stores; null for the list of all open tickets. */
  readonly stored: StoredView | null;
  /** Whether a row still belongs to the view. Only the server can tell it for saved views. */
  readonly matches?: (row: TicketRow) => boolean;
}

const ENDED = new Set(["RESOLVED", "CLOSED"]);
export const BY_DEADLINE: readonly Order[] = [
  { field: "SLA_BREACHES_AT", direction: "ASC", customField: null },
];

export const ALL_OPEN: View = {
  id: null,
  name: m.queue_open_tickets(),
  filter: { status: { nin: ["RESOLVED", "CLOSED"] } },
  orderBy: BY_DEADLINE,
  columns: [],
  count: null,
  stored: null,
  matches: (row) => !ENDED.has(row.status),
};

/** A view that the server stores; null if its filter is not valid. */
export function savedView(stored: StoredView, count: number | null): View | null {
  if (stored.filterError !== null) return null;
  const { id, name, filter } = stored;
  const columns = [...stored.columns, ...stored.customFieldColumns.map(fieldColumn)];
  const orderBy = stored.orderBy.length > 0 ? stored.orderBy : BY_DEADLINE;
  return { id, name, filter: filter as TicketFilter, orderBy, columns, count, stored };
}
