import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { NetworkError, RequestError, SessionExpiredError } from "../src/errors.js";
import { SYSTEM_CLOCK } from "../src/clock.js";
import type { Clock } from "../src/clock.js";
import { WebTransport } from "../src/web-transport.js";
import { TestClock, until } from "./support.js";

const REQUEST = { query: "{ viewer { role } }", variables: {} };

/** A server of graphql-transport-ws and HTTP whose behaviour the tests choose. */
const http = createServer((request, response) => {
  headers = request.headers;
  response.statusCode = reply.status;
  response.setHeader("content-type", "application/json");
  response.end(reply.body);
});
const sockets = new WebSocketServer({ server: http });
let headers: Record<string, unknown> = {};
let reply = { status: 200, body: "{}" };
let isFrozen = false;
let connections = 0;
let pings = 0;

sockets.on("connection", (socket) => {
  connections++;
  socket.on("message", (text) => {
    const message = JSON.parse(String(text)) as {
      type: string;
      id?: string;
      payload?: { authorization?: string };
    };
    if (isFrozen) return;
    if (message.type === "connection_init") {
      if (message.payload?.authorization === "expired") return socket.close(4403, "Forbidden");
      socket.send('{"type":"connection_ack"}');
    }
    if (message.type === "ping") pings++;
    if (message.type === "ping") socket.send('{"type":"pong"}');
    if (message.type === "subscribe")
      socket.send(JSON.stringify({ type: "next", id: message.id, payload: { data: { n: 1 } } }));
  });
});

let url = "";
before(() =>
  new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve)).then(() => {
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`;
  }),
);
after(() => {
  sockets.close();
  for (const socket of sockets.clients) socket.terminate();
  http.close();
});

function open(
  authorization = "ok",
  reconnected = (): void => {},
  clock: Clock = SYSTEM_CLOCK,
): WebTransport {
  const options = {
    url,
    webSocket: WebSocket,
    pingIntervalMs: 40,
    connectTimeoutMs: 1_000,
    headers: () => ({ authorization }),
    connectionParams: () => ({ authorization }),
  };
  return new WebTransport(options, clock, reconnected);
}

/** Starts a subscription. Returns the lists to which items and errors are added. */
function follow(transport: WebTransport): {
  items: unknown[];
  errors: Error[];
  connected: number[];
} {
  const [items, errors]: [unknown[], Error[]] = [[], []];
  const connected: number[] = [];
  transport.subscribe(REQUEST, {
    connected: () => connected.push(items.length),
    next: (response) => items.push(response.data),
    error: (error) => errors.push(error),
    complete: () => items.push("complete"),
  });
  return { items, errors, connected };
}

describe("the transport of browsers", () => {
  it("notices that a socket is dead although nobody has closed it, and connects again", async () => {
    let reconnections = 0;
    const transport = open("ok", () => reconnections++);
    const first = follow(transport);
    await until(() => first.items.length === 1);
    isFrozen = true;
    await until(() => first.errors.length > 0);
    isFrozen = false;
    assert.ok(first.errors[0] instanceof NetworkError);
    const second = follow(transport);
    await until(() => second.items.length === 1 && reconnections >= 1);
    transport.close();
  });

  it("gives up a socket that the server does not accept, and connects again", async () => {
    const transport = open();
    isFrozen = true;
    const first = follow(transport);
    await until(() => first.errors.length > 0);
    isFrozen = false;
    assert.ok(first.errors[0] instanceof NetworkError);
    const second = follow(transport);
    await until(() => second.items.length === 1);
    transport.close();
  });

  it("gives up an address that does not answer at all", async () => {
    const silent = createTcpServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const options = { url: `http://127.0.0.1:${port}/graphql`, webSocket: WebSocket };
    const impatient = { ...options, connectTimeoutMs: 50 };
    const transport = new WebTransport(impatient, SYSTEM_CLOCK, () => {});
    const { errors } = follow(transport);
    await until(() => errors.length === 1);
    assert.ok(errors[0] instanceof NetworkError);
    silent.close();
  });

  it("tells when a request was sent, before its first item", async () => {
    const transport = open();
    const first = follow(transport);
    await until(() => first.items.length === 1);
    const second = follow(transport); // over the same socket
    await until(() => second.items.length === 1);
    assert.deepEqual([first.connected, second.connected], [[0], [0]]);
    transport.close();
  });

  it("keeps a quiet socket that answers pings", async () => {
    const transport = open("ok", () => {}, new TestClock());
    const before = { connections, pings };
    const { items, errors } = follow(transport);
    await until(() => items.length === 1 && pings >= before.pings + 3);
    assert.deepEqual([errors, connections], [[], before.connections + 1]);
    transport.close();
  });

  it("tells when the session has expired", async () => {
    const transport = open("expired");
    const { errors } = follow(transport);
    await until(() => errors.length === 1);
    assert.ok(errors[0] instanceof SessionExpiredError);
    reply = { status: 401, body: '{"errors":[{"message":"expired"}]}' };
    await assert.rejects(transport.execute(REQUEST), SessionExpiredError);
    transport.close();
  });

  it("sends JSON with a header that other sites can't send", async () => {
    reply = { status: 200, body: '{"data":{"viewer":null}}' };
    assert.deepEqual(await open().execute(REQUEST), { data: { viewer: null } });
    assert.deepEqual(
      [headers["content-type"], headers["x-requested-with"], headers.authorization],
      ["application/json", "ticketwire-client", "ok"],
    );
  });

  it("understands what a proxy answers", async () => {
    const answer = async (status: number): Promise<unknown> => {
      reply = { status, body: "<html>No" };
      return open()
        .execute(REQUEST)
        .catch((error: unknown) => error);
    };
    const refused = await answer(403);
    assert.ok(refused instanceof RequestError && refused.code === "BAD_REQUEST");
    assert.ok((await answer(401)) instanceof SessionExpiredError);
    for (const status of [408, 425, 429, 500])
      assert.ok((await answer(status)) instanceof NetworkError);
    reply = { status: 200, body: "null" };
    await assert.rejects(open().execute(REQUEST), NetworkError);
  });

  it("can be closed while it connects, without an unhandled rejection", async () => {
    const rejections: unknown[] = [];
    const listen = (reason: unknown): number => rejections.push(reason);
    process.on("unhandledRejection", listen);
    const refused = { url: "http://127.0.0.1:9/graphql", webSocket: WebSocket };
    for (const transport of [open(), new WebTransport(refused, SYSTEM_CLOCK, () => {})]) {
      const { errors, items } = follow(transport);
      await Promise.resolve();
      transport.close();
      await until(() => errors.length + items.length > 0);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", listen);
    assert.deepEqual(rejections, []);
  });

  it("distinguishes a broken network from a broken server", async () => {
    reply = { status: 502, body: "<html>Bad gateway" };
    await assert.rejects(open().execute(REQUEST), NetworkError);
    reply = { status: 503, body: "{}" };
    await assert.rejects(
      open().execute(REQUEST),
      (error) => error instanceof RequestError && error.code === "UNAVAILABLE",
    );
    const broken = new WebTransport(
      { url: "http://127.0.0.1:9/graphql", webSocket: WebSocket },
      SYSTEM_CLOCK,
      () => {},
    );
    await assert.rejects(broken.execute(REQUEST), NetworkError);
  });
});
