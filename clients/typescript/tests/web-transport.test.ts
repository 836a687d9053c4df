import assert from "node:assert/strict";
import { createServer } from "node:http";
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
    headers: () => ({ authorization }),
    connectionParams: () => ({ authorization }),
  };
  return new WebTransport(options, clock, reconnected);
}

/** Starts a subscription. Returns the lists to which items and errors are added. */
function follow(transport: WebTransport): { items: unknown[]; errors: Error[] } {
  const [items, errors]: [unknown[], Error[]] = [[], []];
  transport.subscribe(REQUEST, {
    next: (response) => items.push(response.data),
    error: (error) => errors.push(error),
    complete: () => items.push("complete"),
  });
  return { items, errors };
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
