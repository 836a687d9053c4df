import { IDBFactory } from "fake-indexeddb";
import type {
  ClientOptions,
  Clock,
  GraphQLRequest,
  GraphQLResponse,
  Locks,
  Platform,
  Sink,
  Transport,
} from "../src/index.js";
import { gql, TicketwireClient } from "../src/index.js";
import type { Payload } from "../src/index.js";

export const REPLY = gql<
  { replyToTicket: Payload },
  { input: { ticketId: string; body: string; idempotencyKey?: string } }
>(
  `mutation($input: ReplyToTicketInput!) { replyToTicket(input: $input) { cursor userErrors { code message } } }`,
);
export const TICKET = gql<
  { ticket: { id: string; version: number; subject: string } | null },
  { id: string }
>(`query($id: ID!) { ticket(id: $id) { id version subject } }`);

/** A clock whose timers run when the test says so. */
export class TestClock implements Clock {
  time = 1_700_000_000_000;
  private timers: Array<{ readonly at: number; readonly callback: () => void }> = [];

  now(): number {
    return this.time;
  }

  random(): number {
    return 0.5;
  }

  schedule(callback: () => void, milliseconds: number): () => void {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((each) => each !== timer));
  }

  /** Moves the time, and runs the timers that are due. */
  advance(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.callback();
  }

  get waiting(): number {
    return this.timers.length;
  }
}

/** A transport that lets a function answer requests, and the test drive subscriptions. */
export class TestTransport implements Transport {
  readonly requests: GraphQLRequest[] = [];
  readonly subscriptions: Array<{ readonly request: GraphQLRequest; readonly sink: Sink }> = [];
  checks = 0;
  /** The user of the session. Requests that ask for it are not recorded. */
  viewer: string | null = "usr_1";

  constructor(
    public answer: (request: GraphQLRequest) => GraphQLResponse | Promise<GraphQLResponse>,
  ) {}

  async execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    if (request.query.includes("viewer")) {
      const user = this.viewer === null ? null : { id: this.viewer };
      return { data: { viewer: user && { user, apiClient: null } } };
    }
    this.requests.push(request);
    return this.answer(request);
  }

  subscribe(request: GraphQLRequest, sink: Sink): () => void {
    this.subscriptions.push({ request, sink });
    return () => {};
  }

  check(): void {
    this.checks++;
  }

  disconnect(): void {}
  close(): void {}
}

/** The Web Locks API of one browser. */
export class TestLocks implements Locks {
  private last: Promise<unknown> = Promise.resolve();

  request<T>(_name: string, callback: () => Promise<T>): Promise<T> {
    const result = this.last.then(callback);
    this.last = result.catch(() => undefined);
    return result;
  }
}

/** One browser: the tabs that it opens share IndexedDB, locks and channels. */
export class TestBrowser {
  readonly indexedDB = new IDBFactory() as unknown as globalThis.IDBFactory;
  readonly locks = new TestLocks();
  readonly clock = new TestClock();
  readonly events = new EventTarget();
  readonly clients: TicketwireClient[] = [];

  open(
    transport: TestTransport,
    changes: Partial<Platform> = {},
    onSessionExpired = (): void => {},
    options: Partial<ClientOptions> = {},
  ): TicketwireClient {
    const platform: Platform = {
      clock: this.clock,
      indexedDB: this.indexedDB,
      locks: this.locks,
      openChannel: (name) => new BroadcastChannel(name),
      wakeEvents: [[this.events, "online"]],
      createTransport: () => transport,
      ...changes,
    };
    const client = new TicketwireClient({
      account: "usr_1",
      url: "",
      platform,
      onSessionExpired,
      ...options,
    });
    this.clients.push(client);
    return client;
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** Waits until a condition holds, for at most a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
