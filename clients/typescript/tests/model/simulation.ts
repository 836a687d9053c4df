import { TicketwireClient } from "../../src/client.js";
import { gql } from "../../src/document.js";
import type { LiveList } from "../../src/live-list.js";
import type { Payload } from "../../src/mutation.js";
import type { Query } from "../../src/query.js";
import type { TicketChange } from "../../src/membership.js";
import { ModelClock, ModelTransport } from "./network.js";
import { Random } from "./random.js";
import { ModelListSource, ModelServer, positionOf } from "./server.js";
import type { MarkInput, MutationInput, Row, Status, Tickets } from "./server.js";

/** What the version orders, so that no cursor is necessary. */
const VERSIONED = "id version status subject viewerHasUnread assignee { id }";
const PART = `${VERSIONED} clock`;
const FIELDS = "id version status subject clock viewerHasUnread assignee { id name }";
export const LIST = gql<{ ticketChanges: TicketChange<Row> }>(
  `subscription($after: String) { ticketChanges(after: $after) { kind cursor ticketId ticket { ${FIELDS} } } }`,
);
export const EVENTS = gql<{ ticketEvents: { cursor: string } }>(
  `subscription($after: String) { ticketEvents(after: $after) { cursor ticket { ${PART} } other { ${PART} } } }`,
);
export const TICKET = gql<{ ticket: Row | null }, { id: string }>(
  `query($id: ID!) { ticket(id: $id) { ${FIELDS} } }`,
);
export const TICKETS = gql<{ tickets: { nodes: Row[] } }>(
  `query { tickets { nodes { ${FIELDS} } } }`,
);
/** A document without the version, which some applications have. */
const SUMMARY = gql<unknown, { id: string }>(
  "query($id: ID!) { ticket(id: $id) { id status subject clock } }",
);
const CHANGE = gql<{ change: Payload }, { input: MutationInput }>(
  `mutation($input: Input!) { change(input: $input) { ticket { ${PART} } cursor replayed userErrors { code message } } }`,
);
const MARK = gql<{ markTicketRead: Payload }, { input: MarkInput }>(
  `mutation($input: Input!) { markTicketRead(input: $input) { ticket { ${PART} } userErrors { code } } }`,
);
/** A document whose version is newer than the fields that it does not select. */
const SHORT_MARK: typeof MARK = gql(
  "mutation($input: Input!) { markTicketRead(input: $input) { ticket { id version viewerHasUnread } userErrors { code } } }",
);

/** Enough microtasks for all promises of one step. */
const MICROTASKS = 24;

/**
 * What the person has asked for: it is shown until the server refuses it or something newer
 * arrives.
 */
interface Intent {
  readonly ticketId: string;
  readonly status: Status;
}

/** One client, one server and a bad network, moved by random steps. */
export class Simulation {
  readonly server: ModelServer;
  readonly transport: ModelTransport;
  readonly client: TicketwireClient;
  readonly list: LiveList<Row>;
  readonly tickets: Query<{ tickets: { nodes: Row[] } }>;
  readonly queries: Array<Query<{ ticket: Row | null }>> = [];
  /** Optimistic changes whose mutation has not ended. */
  readonly pending = new Set<Intent>();
  /** Per ticket, the latest cursor of a mutation that was confirmed. */
  readonly confirmed = new Map<string, number>();
  /** Per ticket, up to where the server has confirmed that it was read. */
  readonly marks = new Map<string, number>();
  readonly sentReplies: string[] = [];
  /** If a refetch has ended in this step: the tickets when it was asked for. */
  read: Tickets = new Map();
  /** The tickets of the queries when all events had arrived, before all was read again. */
  quiet: Array<Row | null | undefined> = [];
  /** Whether some documents of this run have no version. Their values may go back a little. */
  readonly hasSummaries: boolean;
  private readonly random: Random;
  private readonly clock: ModelClock;
  private keys = 0;
  private outageSteps = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.hasSummaries = this.random.chance(0.3);
    this.server = new ModelServer(this.random);
    this.transport = new ModelTransport(this.server, this.random);
    this.clock = new ModelClock(this.random);
    const platform = { clock: this.clock, createTransport: () => this.transport };
    this.client = new TicketwireClient({ account: "model", url: "", platform });
    const isOpen = (ticket: Row): boolean => ticket.status === "OPEN";
    this.list = this.client.liveList({
      document: LIST,
      compare: (a, b) => (a.id < b.id ? -1 : 1),
      matches: isOpen,
    });
    this.tickets = this.client.watch(TICKETS, {});
    this.client.follow(EVENTS, { after: "0".repeat(16), next: () => {} });
  }

  /** Whether the list has just received all changes up to a position, and up to which one. */
  get exactAt(): number | undefined {
    return this.transport.connections.find((each) => each.source instanceof ModelListSource)
      ?.exactAt;
  }

  /** Does one random step, and lets all promises run. */
  async step(): Promise<void> {
    if (this.outageSteps > 0) this.sufferOutage();
    const kind = this.random.below(30);
    if (kind < 4) this.server.changeSomething();
    else if (kind < 9) this.deliver();
    else if (kind < 12) this.advanceSource();
    else if (kind < 18) this.advanceRequest();
    else if (kind < 20) this.startQuery();
    else if (kind < 22) this.changeStatus();
    else if (kind < 23) this.reply();
    else if (kind < 25) this.interrupt();
    else if (kind < 27) this.markRead();
    else this.clock.runNext(30_000);
    await settle();
  }

  private advanceSource(): void {
    const { connections } = this.transport;
    if (!connections.length) return;
    const connection = this.random.pick(connections);
    if (connection.source.isBehind) connection.queue.push(...connection.source.advance());
  }

  private deliver(): void {
    const { connections, ended } = this.transport;
    const candidates = [...connections, ...(this.random.chance(0.2) ? ended : [])].filter(
      (each) => each.queue.length,
    );
    if (!candidates.length) return;
    const connection = this.random.pick(candidates);
    for (let count = this.random.below(4); count >= 0; count--) connection.deliver();
  }

  private advanceRequest(): void {
    const { requests } = this.transport;
    if (requests.length) this.transport.advance(this.random.pick(requests));
  }

  private startQuery(): void {
    if (this.hasSummaries && this.random.chance(0.5)) {
      const id = this.server.changedAt[this.server.head]![0]!; // its event is often under way
      return void this.client.query(SUMMARY, { id }).catch(() => {}); // cut too often
    }
    if (this.random.chance(0.5)) return this.refetchTickets();
    if (this.queries.length < 4)
      this.queries.push(this.client.watch(TICKET, { id: this.server.pickTicket().id }));
  }

  private refetchTickets(): void {
    const asked = this.server.at(this.server.head);
    void this.tickets.refetch().then(() => (this.read = asked));
  }

  private changeStatus(): void {
    const { id } = this.server.pickTicket();
    const intent = { ticketId: id, status: this.random.pick(["OPEN", "RESOLVED"] as const) };
    const input = { ...intent, idempotencyKey: `key ${this.keys++}` };
    this.pending.add(intent);
    const mutation = this.client.mutate(CHANGE, { input }, { [id]: { status: intent.status } });
    mutation
      .then(({ change }) => {
        if (!change.cursor) return;
        this.confirmed.set(id, Math.max(this.confirmed.get(id) ?? 0, positionOf(change.cursor)));
      })
      .catch(() => {}) // the network was cut too often
      .finally(() => this.pending.delete(intent));
  }

  private reply(): void {
    const body = `reply ${this.keys++}`;
    this.sentReplies.push(body);
    void this.client.send(CHANGE, {
      ticketId: this.server.pickTicket().id,
      body,
    } as unknown as MutationInput);
  }

  /** Marks a ticket as read, up to what the person sees. It is not repeated. */
  private markRead(): void {
    const { id } = this.server.pickTicket();
    const cursor = this.client.store.stampOf(id, "version")?.cursor;
    if (cursor === undefined) return;
    const document = this.hasSummaries ? SHORT_MARK : MARK;
    void this.client.mutate(document, { input: { ticketId: id, cursor } }).then(
      () => this.marks.set(id, Math.max(this.marks.get(id) ?? -1, positionOf(cursor))),
      () => {}, // the network was cut
    );
  }

  private interrupt(): void {
    if (this.random.chance(0.1)) this.outageSteps = 12;
    else if (this.random.chance(0.4)) this.transport.cut();
    else if (this.transport.requests.length)
      this.transport.lose([this.random.pick(this.transport.requests)]);
  }

  /** During an outage all requests fail, and time passes. */
  private sufferOutage(): void {
    this.outageSteps--;
    this.transport.lose(this.transport.requests);
    this.clock.runNext(30_000);
  }

  /** Lets everything arrive: requests, items, repetitions, and a last heartbeat. */
  async drain(): Promise<void> {
    this.transport.isHealthy = true;
    this.transport.ended = [];
    for (let round = 0; round < 400; round++) {
      const { requests, connections } = this.transport;
      for (const request of [...requests]) this.transport.advance(request);
      for (const { source, queue } of connections)
        if (source.isBehind) queue.push(...source.advance());
      for (const connection of [...connections])
        while (connection.queue.length) connection.deliver();
      await settle();
      if (this.isQuiet()) {
        this.quiet = this.queries.map((query) => query.value?.ticket);
        return this.refresh();
      }
      if (!this.transport.requests.length) this.clock.runNext(35_000);
      await settle();
    }
    throw new Error("the simulation does not come to rest");
  }

  private isQuiet(): boolean {
    const { requests, connections } = this.transport;
    const isCurrent =
      connections.length === 2 &&
      connections.every((each) => !each.source.isBehind && !each.queue.length);
    const hasWaiting = this.client.outbox.entries.some((entry) => entry.state === "waiting");
    // A query that is being read again may wait for the next attempt.
    const isReading = this.queries.some((query) => query["running"] !== undefined);
    return !isReading && isCurrent && !requests.length && !this.pending.size && !hasWaiting;
  }

  /** Delivers a heartbeat, and reads all tickets again. */
  private async refresh(): Promise<void> {
    const connection = this.transport.connections.find(
      (each) => each.source instanceof ModelListSource,
    )!;
    connection.queue.push((connection.source as ModelListSource).heartbeat());
    connection.deliver();
    let isCurrent = false;
    void this.tickets.refetch().then(() => (isCurrent = true));
    for (let round = 0; round < 100 && !isCurrent; round++) {
      if (!this.transport.requests.length) this.clock.runNext(35_000);
      for (const request of [...this.transport.requests]) this.transport.advance(request);
      await settle();
    }
  }

  close(): void {
    this.list.close();
    this.client.close();
  }
}

async function settle(): Promise<void> {
  for (let count = 0; count < MICROTASKS; count++) await null;
}
