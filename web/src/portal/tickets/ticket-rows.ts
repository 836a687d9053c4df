// The customer's lists: open or closed tickets, the own ones or all that the person may see.
import type { LiveListOptions, TicketwireClient } from "@ticketwire/client";
import type { VariablesOf } from "../../shared/graphql";
import { LiveRows } from "../../shared/ticket/live-rows.svelte";
import { FIRST_TICKETS, TICKET_CHANGES, type Row } from "../documents";

type Filter = NonNullable<VariablesOf<typeof FIRST_TICKETS>["filter"]>;

export interface Choice {
  readonly isClosed: boolean;
  /** Whether tickets of colleagues are shown, too. */
  readonly hasOthers: boolean;
}

export function openRows(client: TicketwireClient, viewerId: string, choice: Choice): LiveRows<Row> {
  const filter: Filter = {
    status: choice.isClosed ? { eq: "CLOSED" } : { neq: "CLOSED" },
    ...(choice.hasOthers ? {} : { requesterId: { eq: viewerId } }),
  };
  const list = {
    document: TICKET_CHANGES,
    variables: { filter },
    compare,
    matches: (row: Row) => (row.status === "CLOSED") === choice.isClosed,
  } as unknown as LiveListOptions<Row, object>;
  return new LiveRows(client, {
    list,
    unread: null,
    readFirst: async () =>
      (await client.query(FIRST_TICKETS, { filter })).tickets.nodes.map((each) => each.id),
  });
}

/** What needs the customer comes first, then the newest. */
const URGENCY: Partial<Record<Row["status"], number>> = { WAITING_ON_CUSTOMER: 2, RESOLVED: 1 };

function compare(a: Row, b: Row): number {
  return (URGENCY[b.status] ?? 0) - (URGENCY[a.status] ?? 0) || b.number - a.number;
}
