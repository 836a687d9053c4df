// The lists of the desk: one that is always there, and the saved views.
import { deadlineOf } from "../parts/sla";
import type { TicketFilter, TicketRow, ViewCount } from "../documents";

type Order = ViewCount["view"]["orderBy"][number];

export interface View {
  /** Null for the list of all open tickets. */
  readonly id: string | null;
  readonly name: string;
  readonly filter: TicketFilter;
  readonly orderBy: readonly Order[];
  /** Null if it is not known. */
  readonly count: number | null;
  /** Whether a row still belongs to the view. Only the server can tell it for saved views. */
  readonly matches?: (row: TicketRow) => boolean;
}

const ENDED = new Set(["RESOLVED", "CLOSED"]);
const BY_DEADLINE: readonly Order[] = [{ field: "SLA_BREACHES_AT", direction: "ASC" }];
const PRIORITIES = ["LOW", "NORMAL", "HIGH", "URGENT"];

export const ALL_OPEN: View = {
  id: null,
  name: "Open tickets",
  filter: { status: { nin: ["RESOLVED", "CLOSED"] } },
  orderBy: BY_DEADLINE,
  count: null,
  matches: (row) => !ENDED.has(row.status),
};

/** The view of an item of the subscription; null if its filter is not valid. */
export function savedView({ view, count, filterError }: ViewCount): View | null {
  if (filterError !== null) return null;
  const { id, name, filter } = view;
  const orderBy = view.orderBy.length > 0 ? view.orderBy : BY_DEADLINE;
  return { id, name, filter: filter as TicketFilter, orderBy, count };
}

/** Compares rows as the server orders them. Rows without a value come last. */
export function compareBy(orderBy: readonly Order[]): (a: TicketRow, b: TicketRow) => number {
  return (a, b) => {
    for (const { field, direction } of orderBy) {
      const [x, y] = [valueOf(a, field), valueOf(b, field)];
      if (x === y) continue;
      if (x === Infinity || y === Infinity) return x === Infinity ? 1 : -1;
      return (x < y ? -1 : 1) * (direction === "ASC" ? 1 : -1);
    }
    return b.number - a.number;
  };
}

function valueOf(row: TicketRow, field: Order["field"]): number {
  switch (field) {
    case "SLA_BREACHES_AT":
      return deadlineOf(row.clocks);
    case "PRIORITY":
      return PRIORITIES.indexOf(row.priority);
    case "CREATED_AT":
      return Date.parse(row.createdAt);
    case "UPDATED_AT":
      return Date.parse(row.updatedAt);
    case "LAST_REPLY_AT":
      return row.lastReplyAt === null ? Infinity : Date.parse(row.lastReplyAt);
    case "NUMBER":
      return row.number;
    default:
      return 0; // the store does not know it
  }
}
