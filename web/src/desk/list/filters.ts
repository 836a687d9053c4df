// What a person has set above the list: it is in the address, on top of the view.
import type { TicketStatus } from "../documents";
import type { Priority } from "../../shared/parts/names";
import { ME, NOBODY } from "./choices";
import type { Order, TicketFilter } from "./documents";
import { isColumn, type ListColumn } from "./list-columns";
import type { View } from "./views";

export const FILTER_NAMES = [
  ...(["status", "assignee", "team", "priority", "category", "tag"] as const),
];
export type FilterName = (typeof FILTER_NAMES)[number];

export interface Filters {
  readonly text: string;
  readonly unread: boolean;
  readonly values: Readonly<Record<FilterName, readonly string[]>>;
  /** Null for those of the view. */
  readonly orderBy: readonly Order[] | null;
  readonly columns: readonly ListColumn[] | null;
}

/** The fields that an order in the address may have. */
const ORDER_FIELDS = new Set<string>([
  ...(["CREATED_AT", "UPDATED_AT", "NUMBER", "PRIORITY", "SLA_BREACHES_AT"] as const),
  ...(["LAST_REPLY_AT", "UNTOUCHED", "RELEVANCE"] as const),
] satisfies Order["field"][]);
const DIRECTIONS = new Set(["ASC", "DESC"]);

export function readFilters(search: URLSearchParams): Filters {
  const orders = search.getAll("order").map(readOrder);
  const columns = search.get("columns")?.split(",").filter(isColumn);
  const values = FILTER_NAMES.map((name) => [name, search.getAll(name).filter(Boolean)]);
  return {
    text: search.get("q") ?? "",
    unread: search.has("unread"),
    values: Object.fromEntries(values) as Filters["values"],
    orderBy: orders.length > 0 && orders.every(isOrder) ? orders : null,
    columns: columns ?? null,
  };
}

export function writeFilters(search: URLSearchParams, filters: Filters): URLSearchParams {
  const changed = new URLSearchParams(search);
  for (const key of ["q", "unread", "order", "columns", ...FILTER_NAMES]) changed.delete(key);
  if (filters.text) changed.set("q", filters.text);
  if (filters.unread) changed.set("unread", "1");
  for (const name of FILTER_NAMES) {
    for (const value of filters.values[name]) changed.append(name, value);
  }
  for (const { field, direction } of filters.orderBy ?? []) {
    changed.append("order", `${field}.${direction}`);
  }
  if (filters.columns !== null) changed.set("columns", filters.columns.join(","));
  return changed;
}

export function hasFilters(filters: Filters): boolean {
  const hasValue = FILTER_NAMES.some((name) => filters.values[name].length > 0);
  return hasValue || filters.unread || filters.text.trim() !== "";
}

/** The view with what the person has set. */
export function applyFilters(view: View, filters: Filters): View {
  const orderBy = filters.orderBy ?? view.orderBy;
  const shown = { ...view, orderBy, columns: filters.columns ?? view.columns };
  if (!hasFilters(filters)) return shown;
  const added = buildFilter(filters);
  // In the list of all open tickets, chosen statuses replace the condition "open".
  if (view.id !== null || added.status == null)
    return { ...shown, filter: both(view.filter, added) };
  const { matches, ...rest } = shown;
  return { ...rest, filter: added };
}

/** The filter of what the person has set, without that of the view. */
function buildFilter({ text, unread, values }: Filters): TicketFilter {
  const filter: TicketFilter = {};
  if (text.trim() !== "") filter.search = text.trim();
  if (unread) filter.unread = true;
  if (values.status.length > 0) filter.status = { in: values.status as TicketStatus[] };
  if (values.priority.length > 0) filter.priority = { in: values.priority as Priority[] };
  if (values.team.length > 0) filter.team = { in: [...values.team] };
  if (values.category.length > 0) filter.category = { in: [...values.category] };
  if (values.tag.length > 0) filter.tags = { some: [...values.tag] };
  const people = values.assignee.filter((each) => each !== ME && each !== NOBODY);
  const assignees: TicketFilter[] = [];
  if (values.assignee.includes(ME)) assignees.push({ assigneeId: { viewer: true } });
  if (values.assignee.includes(NOBODY)) assignees.push({ assigneeId: { null: true } });
  if (people.length > 0) assignees.push({ assigneeId: { in: people } });
  if (assignees.length === 1) return { ...filter, ...assignees[0] };
  return assignees.length > 0 ? { ...filter, or: assignees } : filter;
}

/** Both filters, in one level unless they have different conditions on one property. */
function both(first: TicketFilter, second: TicketFilter): TicketFilter {
  const merged = { ...first, ...second };
  const isLost = JSON.stringify({ ...merged, ...first }) !== JSON.stringify(merged);
  return isLost ? { and: [first, second] } : merged;
}

function readOrder(text: string): Order {
  const [field, direction] = text.split(".") as [Order["field"], Order["direction"]];
  return { field, direction, customField: null };
}

function isOrder({ field, direction }: Order): boolean {
  return ORDER_FIELDS.has(field) && DIRECTIONS.has(direction);
}
