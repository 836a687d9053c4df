// The rows of one view.
import type { LiveListOptions, TicketwireClient } from "@ticketwire/client";
import { LiveRows } from "../../shared/ticket/live-rows.svelte";
import type { TicketRow } from "../documents";
import { FIRST_TICKETS, TICKET_CHANGES } from "./documents";
import type { ListSource } from "./list-source";
import { compareBy, isOrderOfServer } from "./order";
import { readServerOrder } from "./server-order";

export class TicketList extends LiveRows<TicketRow> {
  constructor(
    client: TicketwireClient,
    readonly source: ListSource,
  ) {
    const { filter, orderBy, matches, unread } = source;
    const list = {
      document: TICKET_CHANGES,
      variables: { filter },
      compare: compareBy(orderBy),
      ...(matches && { matches }),
    } as unknown as LiveListOptions<TicketRow, object>;
    const variables = { filter, orderBy: orderBy.map((each) => ({ ...each })) };
    super(client, {
      list,
      unread,
      readFirst: async () => {
        const { tickets } = await client.query(FIRST_TICKETS, variables);
        return tickets.nodes.map((each) => each.id);
      },
      readOrder: isOrderOfServer(orderBy)
        ? () => readServerOrder(client, filter, orderBy)
        : undefined,
    });
  }
}
