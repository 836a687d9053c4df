// The rows of one view. They change in place, but come, go and move only when the person wants it.
import type { LiveList, TicketwireClient } from "@ticketwire/client";
import { FIRST_TICKETS, TICKET_CHANGES, type TicketRow } from "../documents";
import { readable } from "../parts/sources";
import { compareBy, type View } from "./views";

export class TicketList {
  private readonly list: () => LiveList<TicketRow, object>;
  private ids = $state.raw<readonly string[]>([]);
  /** The last state of each row, for those that have left the view. */
  private readonly known = new Map<string, TicketRow>();
  private readonly byId = $derived.by(() => new Map(this.list().rows.map((row) => [row.id, row])));
  private stop: () => void;

  constructor(client: TicketwireClient, view: View) {
    const list = client.liveList({
      document: TICKET_CHANGES,
      variables: { filter: view.filter },
      compare: compareBy(view.orderBy),
      ...(view.matches && { matches: view.matches }),
    });
    this.list = readable(list as unknown as LiveList<TicketRow, object>);
    this.stop = list.subscribe(() => this.follow(list.rows, list.isComplete));
    const variables = { filter: view.filter, orderBy: view.orderBy.map((each) => ({ ...each })) };
    void client.query(FIRST_TICKETS, variables).then(
      ({ tickets }) => list.addProvisional(tickets.nodes.map((each) => each.id)),
      () => undefined, // the list itself shows what is wrong
    );
  }

  /** The rows in the order that the person sees. Those that have left keep their place. */
  readonly rows = $derived.by(() =>
    this.ids.flatMap((id) => this.byId.get(id) ?? this.known.get(id) ?? []),
  );
  /** The numbers of the tickets that wait to be shown, and of those that have left. */
  readonly newCount = $derived.by(() => {
    const shown = new Set(this.ids);
    return [...this.byId.keys()].filter((id) => !shown.has(id)).length;
  });
  readonly goneCount = $derived.by(() => this.ids.filter((id) => !this.byId.has(id)).length);

  get size(): number {
    return this.byId.size;
  }

  get isLoaded(): boolean {
    return this.list().isComplete || this.byId.size > 0;
  }

  get status(): LiveList<TicketRow, object>["status"] {
    return this.list().status;
  }

  get error(): Error | undefined {
    return this.list().error;
  }

  hasLeft(id: string): boolean {
    return !this.byId.has(id);
  }

  /** Show the tickets as they are now. */
  showAll(): void {
    this.ids = [...this.byId.keys()];
  }

  close(): void {
    this.stop();
    this.list().close();
  }

  private wasComplete = false;

  private follow(rows: readonly TicketRow[], isComplete: boolean): void {
    for (const row of rows) this.known.set(row.id, row);
    // Nothing can jump before the list is complete, or if it shows nothing.
    if (!this.wasComplete || this.ids.length === 0) this.ids = rows.map((row) => row.id);
    this.wasComplete ||= isComplete;
  }
}
