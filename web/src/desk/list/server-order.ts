// The order of tickets that only the server knows: by relevance, or by a custom field.
import type { TicketwireClient } from "@ticketwire/client";
import type { ResultOf, VariablesOf } from "../../shared/graphql";
import { TICKET_IDS, type Order, type TicketFilter } from "./documents";

type TicketIds = ResultOf<typeof TICKET_IDS>;

/** Tickets after these pages of 100 follow at the end of the list. */
const MAX_PAGES = 10;

/** The ids of the first tickets in the server's order. */
export async function readServerOrder(
  client: TicketwireClient,
  filter: TicketFilter,
  orderBy: readonly Order[],
): Promise<string[]> {
  const ids: string[] = [];
  let after: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const order = orderBy.map((each) => ({ ...each }));
    const variables: VariablesOf<typeof TICKET_IDS> = { filter, orderBy: order, after };
    const { tickets }: TicketIds = await client.query(TICKET_IDS, variables);
    ids.push(...tickets.nodes.map((each) => each.id));
    if (!tickets.pageInfo.hasNextPage) break;
    after = tickets.pageInfo.endCursor;
  }
  return ids;
}
