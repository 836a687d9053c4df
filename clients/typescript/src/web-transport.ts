import { createClient } from "graphql-ws";
import type { Client } from "graphql-ws";
import type { Clock } from "./clock.js";
import { NetworkError, RequestError, SessionExpiredError, toError } from "./errors.js";
import type { GraphQLRequest, GraphQLResponse, Sink, Transport } from "./transport.js";

const REQUEST_TIMEOUT_MS = 30_000;
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
}

/** Sends operations by fetch, and subscriptions over one WebSocket (graphql-transport-ws). */
export class WebTransport implements Transport {
  private readonly client: Client;
  private readonly maxSilenceMs: number;
  private lastMessageAt = 0;
  private isOpen = false;
  private cancelWatch: (() => void) | undefined;

  /** @param reconnected Called after each connection but the first. */
  constructor(
    private readonly options: WebTransportOptions,
    private readonly clock: Clock,
    reconnected: () => void,
  ) {
    const pingIntervalMs = options.pingIntervalMs ?? PING_INTERVAL_MS;
    this.maxSilenceMs = pingIntervalMs * MAX_SILENT_INTERVALS;
    let connections = 0;
    this.client = createClient({
      url: () => options.socketUrl ?? socketUrl(options.url),
      connectionParams: () => ({ ...options.connectionParams?.() }),
      webSocketImpl: options.webSocket,
      keepAlive: pingIntervalMs,
      retryAttempts: 0, // subscriptions are started again after their own last cursor
      lazyCloseTimeout: 3_000, // a page that closes one list and opens another keeps the socket
      on: {
        connected: () => {
          this.isOpen = true;
          this.receivedMessage();
          if (connections++) reconnected();
        },
        message: () => this.receivedMessage(),
        closed: () => {
          this.isOpen = false;
          this.cancelWatch?.();
        },
      },
    });
  }

  async execute(request: GraphQLRequest): Promise<GraphQLResponse> {
    const send = this.options.fetch ?? fetch;
    let response: Response;
    let body: GraphQLResponse;
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
      body = (await response.json()) as GraphQLResponse;
    } catch (error) {
      throw new NetworkError(String(error));
    }
    if (response.status === 401) throw new SessionExpiredError("the token is unknown or has ended");
    if (body.data === undefined && !body.errors)
      throw new RequestError("UNAVAILABLE", `HTTP status ${response.status}`);
    return body;
  }

  subscribe({ query, variables }: GraphQLRequest, sink: Sink): () => void {
    let hasEnded = false;
    return this.client.subscribe(
      { query, variables: { ...variables } },
      {
        next: (result) => sink.next(result as GraphQLResponse),
        error: (reason) => {
          hasEnded = true;
          sink.error(toError(reason));
        },
        complete: () => {
          // graphql-ws also calls this after an error, and when the client itself ends.
          if (!hasEnded) sink.complete();
        },
      },
    );
  }

  check(): void {
    if (this.isOpen && this.clock.now() - this.lastMessageAt >= this.maxSilenceMs)
      this.disconnect();
  }

  disconnect(): void {
    this.client.terminate();
  }

  close(): void {
    this.cancelWatch?.();
    void this.client.dispose();
  }

  private receivedMessage(): void {
    this.lastMessageAt = this.clock.now();
    this.cancelWatch?.();
    // A dead network closes no socket by itself.
    this.cancelWatch = this.clock.schedule(() => this.check(), this.maxSilenceMs);
  }
}

function socketUrl(url: string): string {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace("http", "ws");
  return absolute.href;
}
