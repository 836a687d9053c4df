import type { Variables } from "./document.js";

/** An operation as it is sent. */
export interface GraphQLRequest {
  readonly query: string;
  readonly variables: Variables;
}

/** A response, or one item of a subscription. */
export interface GraphQLResponse {
  readonly data?: object | null;
  readonly errors?: ReadonlyArray<{
    readonly message: string;
    readonly extensions?: Readonly<Record<string, unknown>>;
  }>;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Receives the items of a subscription. */
export interface Sink {
  next(response: GraphQLResponse): void;
  /** The request was sent over a connection that the server has accepted. */
  connected?(): void;
  /** The subscription has failed, or the connection has ended. */
  error(error: Error): void;
  /** The server has ended the subscription. */
  complete(): void;
}

/** Sends operations to the server. */
export interface Transport {
  /** Executes a query or mutation. Rejects with NetworkError if there is no response. */
  execute(request: GraphQLRequest): Promise<GraphQLResponse>;
  /**
   * Starts a subscription. It is not repeated. Returns a function that ends it. The sink is called
   * only after this method has returned.
   */
  subscribe(request: GraphQLRequest, sink: Sink): () => void;
  /** Checks now whether the connection is alive, and ends it if not. */
  check(): void;
  /** Ends the connection, so that the next subscription signs in again. */
  disconnect(): void;
  close(): void;
}
