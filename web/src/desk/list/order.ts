// The order of the rows, as the server has it (models/queries/tickets.py).
import type { TicketRow } from "../documents";
import { deadlineOf } from "../parts/sla";
import type { Order } from "./documents";

const PRIORITIES = ["LOW", "NORMAL", "HIGH", "URGENT"];
/** The orders that a row does not know: the server must be asked for them. */
const OF_SERVER = new Set<Order["field"]>(["CUSTOM_FIELD", "RELEVANCE"]);

export function isOrderOfServer(orderBy: readonly Order[]): boolean {
  return orderBy.some((each) => OF_SERVER.has(each.field));
}

/**
 * Compares rows as the server orders them. Rows without a value come last. The id decides between
 * equal rows, in the direction of the last field; ids sort like the server's keys.
 */
export function compareBy(orderBy: readonly Order[]): (a: TicketRow, b: TicketRow) => number {
  const lastDirection = orderBy.at(-1)?.direction ?? "DESC";
  return (a, b) => {
    for (const { field, direction } of orderBy) {
      const [x, y] = [valueOf(a, field), valueOf(b, field)];
      if (x === y) continue;
      if (x === Infinity || y === Infinity) return x === Infinity ? 1 : -1;
      return (x < y ? -1 : 1) * (direction === "ASC" ? 1 : -1);
    }
    return (a.id < b.id ? -1 : 1) * (lastDirection === "ASC" ? 1 : -1);
  };
}

function valueOf(row: TicketRow, field: Order["field"]): number {
  switch (field) {
    case "SLA_BREACHES_AT":
      return deadlineOf(row.clocks);
    case "PRIORITY":
      return PRIORITIES.indexOf(row.priority);
    case "CREATED_AT":
      return microseconds(row.createdAt);
    case "UPDATED_AT":
      return microseconds(row.updatedAt);
    case "LAST_REPLY_AT":
      return row.lastReplyAt === null ? Infinity : microseconds(row.lastReplyAt);
    case "NUMBER":
      return row.number;
    case "UNTOUCHED":
      return row.status === "NEW" && row.assignee === null ? 1 : 0;
    default:
      return 0; // of the server
  }
}

/** A time with the server's precision. Dates of JavaScript have milliseconds only. */
function microseconds(at: string): number {
  const fraction = /\.\d{3}(\d{1,3})/.exec(at)?.[1] ?? "";
  return Date.parse(at) * 1000 + Number(fraction.padEnd(3, "0"));
}
