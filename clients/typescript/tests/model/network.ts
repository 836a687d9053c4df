import type { Clock } from "../../src/clock.js";
import { NetworkError, RequestError } from "../../src/errors.js";
import type { GraphQLRequest, GraphQLResponse, Sink, Transport } from "../../src/transport.js";
import type { Random } from "./random.js";
import { cursorAt, ModelEventSource, ModelListSource, positionOf } from "./server.js";
import type { Item, MarkInput, ModelServer, MutationInput, Row, Ticket } from "./server.js";

/** A clock that moves only when the simulation says so. */
export class ModelClock implements Clock {
  private time = 1_000_000;
  private timers: Array<{ readonly at: number; readonly callback: () => void }> = [];

  constructor(private readonly source: Random) {}

  now(): number {
    return this.time;
  }

  random(): number {
    return this.source.next();
  }

  schedule(callback: () => void, milliseconds: number): () => void {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((each) => each !== timer));
  }

  /** Runs the next timer that is due within a time. Returns whether there was one. */
  runNext(withinMs = Infinity): boolean {
    const next = this.timers.reduce((first, each) => (each.at < first.at ? each : first), {
      at: Infinity,
      callback: () => {},
    });
    if (next.at === Infinity || next.at > this.time + withinMs) return false;
    this.timers = this.timers.filter((each) => each !== next);
    this.time = Math.max(this.time, next.at);
    next.callback();
    return true;
  }
}

/** A request between client and server. Each step happens when the simulation says so. */
export class ModelRequest {
  private bound = 0;
  private response: GraphQLResponse | undefined;
  private result: ReturnType<ModelServer["execute"]> | undefined;
  private tickets: readonly Ticket[] = [];
  step: "sent" | "begun" | "found" | "read" = "sent";

  constructor(
    private readonly server: ModelServer,
    private readonly random: Random,
    readonly request: GraphQLRequest,
    private readonly resolve: (response: GraphQLResponse) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  get isMutation(): boolean {
    return this.request.query.startsWith("mutation");
  }

  get isMark(): boolean {
    return this.request.query.includes("markTicketRead");
  }

  /** Does the next step. Returns whether the request has ended. */
  advance(): boolean {
    if (this.step === "sent") this.begin();
    else if (this.step === "begun") this.find();
    else if (this.step === "found") this.read();
    else {
      this.resolve(this.response!);
      return true;
    }
    return false;
  }

  /** The server fixes the cursor of the response, or executes the mutation. */
  private begin(): void {
    // Another process may know the head of the log a little late.
    this.bound = Math.max(
      0,
      this.server.head - (this.random.chance(0.3) ? this.random.below(5) : 0),
    );
    if (this.isMark) this.server.markRead(this.request.variables.input as MarkInput);
    else if (this.isMutation)
      this.result = this.server.execute(this.request.variables.input as MutationInput);
    this.step = "begun";
  }

  /** The server reads the tickets, perhaps after later changes. */
  private find(): void {
    this.tickets = [...this.server.at(this.server.head).values()];
    this.step = "found";
    if (this.random.chance(0.7)) this.read();
  }

  /** The server reads the read marks of these tickets, perhaps later. */
  private read(): void {
    const tickets = this.tickets.map((ticket) => this.server.withMark(ticket));
    if (this.isMark) this.response = this.markResponse(tickets);
    else if (this.isMutation) this.response = this.mutationResponse(tickets);
    else this.response = this.queryResponse(tickets);
    this.step = "read";
  }

  private markResponse(tickets: readonly Row[]): GraphQLResponse {
    const { ticketId } = this.request.variables.input as MarkInput;
    const ticket = tickets.find(({ id }) => id === ticketId);
    return { data: { markTicketRead: { ticket, userErrors: [] } } };
  }

  private mutationResponse(tickets: readonly Row[]): GraphQLResponse {
    const { cursor, refusal, replayed } = this.result!;
    const { ticketId } = this.request.variables.input as MutationInput;
    const ticket = refusal ? null : tickets.find(({ id }) => id === ticketId);
    const payload = {
      ticket,
      cursor: refusal ? null : cursor,
      replayed,
      userErrors: refusal ? [refusal] : [],
    };
    return { data: { change: payload } };
  }

  private queryResponse(tickets: readonly Row[]): GraphQLResponse {
    const { id } = this.request.variables as { id?: string };
    const extensions = { cursor: cursorAt(this.bound) };
    if (id === undefined) return { data: { tickets: { nodes: tickets } }, extensions };
    const found = tickets.find((ticket) => ticket.id === id);
    return { data: { ticket: found ?? null }, extensions };
  }

  fail(): void {
    this.reject(new NetworkError("the connection was cut"));
  }
}

/** A subscription of the client: the server's source, and the items on their way. */
export class ModelConnection {
  readonly queue: Item[] = [];
  isAlive = true;
  /** The position of the last item that left the list exact, if no other item came after it. */
  exactAt: number | undefined;

  constructor(
    readonly source: ModelListSource | ModelEventSource,
    private readonly sink: Sink,
  ) {}

  /** Delivers the oldest item. */
  deliver(): void {
    const item = this.queue.shift();
    if (!item) return;
    if (this.isAlive) this.exactAt = item.exactAt;
    this.sink.next({ data: item.data });
  }

  fail(error: Error): void {
    this.isAlive = false;
    this.sink.error(error);
  }
}

/** A network between one client and the simulated server. */
export class ModelTransport implements Transport {
  requests: ModelRequest[] = [];
  connections: ModelConnection[] = [];
  /** Connections that have ended, with items that may still arrive. */
  ended: ModelConnection[] = [];
  isHealthy = false;

  constructor(
    private readonly server: ModelServer,
    private readonly random: Random,
  ) {}

  execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    if (request.query.includes("viewer {"))
      return Promise.resolve({ data: { viewer: { user: { id: "model" }, apiClient: null } } });
    return new Promise((resolve, reject) => {
      this.requests.push(new ModelRequest(this.server, this.random, request, resolve, reject));
    });
  }

  subscribe(request: GraphQLRequest, sink: Sink): () => void {
    const after = request.variables.after as string | null;
    const isList = request.query.includes("ticketChanges");
    if (isList && after !== null && !this.isHealthy && this.random.chance(0.05)) {
      queueMicrotask(() => sink.error(new RequestError("CURSOR_EXPIRED", "the cursor is too old")));
      return () => {};
    }
    if (after !== null && positionOf(after) > this.server.head)
      throw new Error("a cursor from the future");
    const source = isList
      ? new ModelListSource(this.server, this.random, after)
      : new ModelEventSource(this.server, after);
    const connection = new ModelConnection(source, sink);
    this.connections.push(connection);
    return () => this.end(connection);
  }

  private end(connection: ModelConnection): void {
    connection.isAlive = false;
    this.connections = this.connections.filter((each) => each !== connection);
    if (connection.queue.length) this.ended.push(connection);
  }

  /** Cuts all sockets, and some of the requests. */
  cut(): void {
    for (const connection of this.connections)
      connection.fail(new NetworkError("the socket was cut", 1006));
    this.lose(this.requests.filter(() => this.random.chance(0.5)));
  }

  /** Loses requests, or their responses. */
  lose(lost: readonly ModelRequest[]): void {
    this.requests = this.requests.filter((request) => !lost.includes(request));
    for (const request of lost) request.fail();
  }

  /** Does the next step of one request. */
  advance(request: ModelRequest): void {
    if (request.advance()) this.requests = this.requests.filter((each) => each !== request);
  }

  check(): void {}
  disconnect(): void {}
  close(): void {}
}
