import { createClient } from "graphql-ws";
import type { Client } from "graphql-ws";
import type { Clock } from "./clock.js";
import { NetworkError, RequestError, SessionExpiredError, toError } from "./errors.js";
import type { GraphQLRequest, GraphQLResponse, Sink, Transport } from "./transport.js";

const REQUEST_TIMEOUT_MS = 30_000;
/** The request was too slow, too early or one of too many. */
const TEMPORARY_STATUSES = new Set([408, 425, 429]);
const CONNECT_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 10_000;
/**
 * The server answers a ping at once, so a live socket is never silent for one and a half intervals.
 */
const MAX_SILENT_INTERVALS = 1.5;

export interface WebTransportOptions {
  /** The URL of the endpoint, for example `/graphql`. */
  readonly url: string;
  /** The URL for WebSockets. Default: the same, with ws: or wss:. */
  readonly socketUrl?: string;
  /** Headers of each request, for example `{ authorization: "Bearer …" }`. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** The payload of connection_init, for example `{ authorization: "Bearer …" }`. */
  readonly connectionParams?: () => Readonly<Record<string, unknown>>;
  /** Default: the fetch of the platform. */
  readonly fetch?: typeof fetch;
  /** Default: the WebSocket of the platform. */
  readonly webSocket?: unknown;
  /**
   * How often the socket is checked, in milliseconds. A dead one is noticed after one and a half
   * times as long. Default: 10,000.
   */
  readonly pingIntervalMs?: number;
  /** How long a new socket may take until the server accepts it. Default: 10,000. */
  readonly connectTimeoutMs?: number;
}

/** Sends operations by fetch, and subscriptions over one WebSocket (graphql-transport-ws). */
export class WebTransport implements Transport {
  private readonly client: Client;
  private lastMessageAt = 0;
  private isConnected = false;
  /** Subscriptions whose request waits for the connection. */
  private readonly waiting = new Set<() => void>();
  /** How long the server may be silent in the present state of the socket. */
  private silenceMs = Infinity;
  private cancelWatch: (() => void) | undefined;

  /** @param reconnected Called after each connection but the first. */
  constructor(
    private readonly options: WebTransportOptions,
    private readonly clock: Clock,
    reconnected: () => void,
  ) {
    const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const pingIntervalMs = options.pingIntervalMs ?? PING_INTERVAL_MS;
    let connections = 0;
    this.client = createClient({
      url: () => options.socketUrl ?? socketUrl(options.url),
      connectionParams: () => ({ ...options.connectionParams?.() }),
      webSocketImpl: options.webSocket && withErrorListener(options.webSocket as SocketClass),
      keepAlive: pingIntervalMs,
      retryAttempts: 0, // subscriptions are started again after their own last cursor
      lazyCloseTimeout: 3_000, // a page that closes one list and opens another keeps the socket
      connectionAckWaitTimeout: connectTimeoutMs,
      on: {
        connecting: () => this.watch(connectTimeoutMs),
        connected: () => {
          this.isConnected = true;
          this.watch(pingIntervalMs * MAX_SILENT_INTERVALS);
          queueMicrotask(() => this.tellConnected());
          if (connections++) reconnected();
        },
        message: () => this.watch(),
        closed: () => {
          this.isConnected = false;
          this.silenceMs = Infinity;
          this.cancelWatch?.();
        },
      },
    });
  }

  async execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    const send = this.options.fetch ?? fetch;
    let response: Response;
    let text: string;
    try {
      response = await send(this.options.url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/graphql-response+json, application/json",
          // Forces a preflight, so that other sites can't send it.
          "x-requested-with": "ticketwire-client",
          ...this.options.headers?.(),
        },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      throw new NetworkError(String(error));
    }
    const { status } = response;
    if (status === 401) throw new SessionExpiredError("the token is unknown or has ended");
    const body = parseBody(text);
    if (body?.data !== undefined || body?.errors) return body;
    // A proxy has answered, for example a firewall that refuses one text.
    if (status >= 400 && status < 500 && !TEMPORARY_STATUSES.has(status))
      throw new RequestError("BAD_REQUEST", `HTTP status ${status}`);
    if (!body) throw new NetworkError(`HTTP status ${status}, without JSON`);
    throw new RequestError("UNAVAILABLE", `HTTP status ${status}`);
  }

  subscribe({ query, variables }: GraphQLRequest, sink: Sink): () => void {
    let hasEnded = false;
    const forget = this.whenConnected(() => sink.connected?.());
    const end = this.client.subscribe(
      { query, variables: { ...variables } },
      {
        next: (result) => sink.next(result as GraphQLResponse),
        error: (reason) => {
          hasEnded = true;
          forget();
          sink.error(toError(reason));
        },
        complete: () => {
          // graphql-ws also calls this after an error, and when the client itself ends.
          forget();
          if (!hasEnded) sink.complete();
        },
      },
    );
    return () => {
      forget();
      end();
    };
  }

  /** Calls a function when requests are sent at once. Returns a function that prevents this. */
  private whenConnected(run: () => void): () => void {
    this.waiting.add(run);
    if (this.isConnected) queueMicrotask(() => this.tellConnected());
    return () => this.waiting.delete(run);
  }

  private tellConnected(): void {
    if (!this.isConnected) return;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const run of waiting) run();
  }

  check(): void {
    if (this.clock.now() - this.lastMessageAt >= this.silenceMs) this.disconnect();
  }

  disconnect(): void {
    this.client.terminate();
  }

  close(): void {
    this.cancelWatch?.();
    // It waits for a socket that is being opened, and rejects if that fails.
    void Promise.resolve(this.client.dispose()).catch(() => undefined);
    if (!this.isConnected) this.disconnect();
  }

  /** Ends the socket if nothing arrives from now on: a dead network closes none by itself. */
  private watch(silenceMs = this.silenceMs): void {
    this.silenceMs = silenceMs;
    this.lastMessageAt = this.clock.now();
    this.cancelWatch?.();
    this.cancelWatch = this.clock.schedule(() => this.disconnect(), silenceMs);
  }
}

function parseBody(text: string): GraphQLResponse | undefined {
  try {
    return (JSON.parse(text) as GraphQLResponse | null) ?? undefined;
  } catch {
    return undefined;
  }
}

type SocketClass = new (...args: ConstructorParameters<typeof WebSocket>) => WebSocket;

/** Sockets of the package ws end the program if they fail and nobody listens any more. */
function withErrorListener(socketClass: SocketClass): SocketClass {
  return class extends socketClass {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      this.addEventListener("error", () => {});
    }
  };
}

function socketUrl(url: string): string {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace("http", "ws");
  return absolute.href;
}
