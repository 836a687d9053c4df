// The rows of one view.
import type { LiveListOptions, TicketwireClient } from "@ticketwire/client";
import { LiveRows } from "../../shared/ticket/live-rows.svelte";
import { FIRST_TICKETS, TICKET_CHANGES, type ListedTicket } from "./documents";
import type { ListSource } from "./list-source";
import { compareBy, isOrderOfServer } from "./order";
import { readServerOrder } from "./server-order";

export class TicketList extends LiveRows<ListedTicket> {
  constructor(
    client: TicketwireClient,
    readonly source: ListSource,
  ) {
    const { filter, orderBy, matches, unread, withFields } = source;
    const list = {
      document: TICKET_CHANGES,
      variables: { filter, withFields },
      compare: compareBy(orderBy),
      ...(matches && { matches }),
    } as unknown as LiveListOptions<ListedTicket, object>;
    const variables = { filter, withFields, orderBy: orderBy.map((each) => ({ ...each })) };
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
