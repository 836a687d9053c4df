import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gql, NetworkError, RequestError, SessionExpiredError } from "../src/index.js";
import type { ChangeKind, LiveList, TicketChange, TicketwireClient } from "../src/index.js";
import { prepare } from "../src/document.js";
import { normalize } from "../src/normalize.js";
import { TestBrowser, TestTransport, until } from "./support.js";

interface Ticket {
  readonly id: string;
  readonly version: number;
}

const LIST = gql<{ ticketChanges: TicketChange<Ticket> }>(
  "subscription($after: String) { ticketChanges(after: $after) { kind cursor ticketId ticket { id version } } }",
);
const cursor = (position: number): string => position.toString(16).padStart(16, "0");

let browser: TestBrowser;
let transport: TestTransport;
let list: LiveList<Ticket>;
let expirations: number;
let client: TicketwireClient;

beforeEach(() => {
  browser = new TestBrowser();
  transport = new TestTransport(() => ({ data: {} }));
  expirations = 0;
  client = browser.open(transport, {}, () => expirations++);
  list = client.liveList({ document: LIST, compare: (a, b) => (a.id < b.id ? -1 : 1) });
});
afterEach(() => browser.close());

/** Sends an item over the newest subscription. */
function send(kind: ChangeKind, position: number, id: string | null = null, version = 1): void {
  const hasTicket = id !== null && kind !== "REMOVED";
  const change = {
    kind,
    cursor: cursor(position),
    ticketId: id,
    ticket: hasTicket ? { id, version } : null,
  };
  transport.subscriptions.at(-1)!.sink.next({ data: { ticketChanges: change } });
}

function fail(error: Error): void {
  transport.subscriptions.at(-1)!.sink.error(error);
}

const ids = (): string => list.rows.map((row) => row.id).join();
const after = (): unknown => transport.subscriptions.at(-1)!.request.variables.after;

/** Lets time pass until the next attempt. */
async function nextAttempt(): Promise<void> {
  const count = transport.subscriptions.length;
  await until(() => {
    browser.clock.advance(1000);
    return transport.subscriptions.length > count;
  });
}

describe("a live list", () => {
  it("follows tickets that enter, change and leave", () => {
    send("SNAPSHOT", 5, "b");
    assert.equal(ids(), "");
    send("SNAPSHOT_END", 5);
    assert.deepEqual([ids(), list.cursor, list.status], ["b", cursor(5), "live"]);
    send("ADDED", 6, "a");
    send("UPDATED", 7, "b", 2);
    assert.deepEqual(list.rows, [
      { id: "a", version: 1 },
      { id: "b", version: 2 },
    ]);
    send("REMOVED", 8, "a");
    assert.deepEqual([ids(), list.cursor], ["b", cursor(7)]);
    send("HEARTBEAT", 9);
    assert.equal(list.cursor, cursor(9));
  });

  it("shows an empty list as complete", () => {
    assert.equal(list.isComplete, false);
    send("SNAPSHOT_END", 5);
    assert.deepEqual([list.isComplete, ids()], [true, ""]);
  });

  it("shows the first page until the snapshot is complete", () => {
    list.addProvisional(["a", "b"]);
    send("SNAPSHOT", 5, "b");
    send("SNAPSHOT_END", 5);
    list.addProvisional(["a"]);
    assert.equal(ids(), "b");
  });

  it("resumes after the last cursor whose changes have all arrived", async () => {
    send("SNAPSHOT_END", 5);
    send("ADDED", 6, "a");
    send("ADDED", 7, "b");
    fail(new NetworkError("cut", 1006));
    assert.deepEqual([list.status, ids()], ["interrupted", "a,b"]);
    await nextAttempt();
    assert.equal(after(), cursor(6));
  });

  it("keeps its rows until the snapshot after a GAP is complete", async () => {
    send("SNAPSHOT", 5, "a");
    send("SNAPSHOT_END", 5);
    fail(new NetworkError("cut"));
    await nextAttempt();
    send("GAP", 9);
    send("SNAPSHOT", 9, "b");
    assert.equal(ids(), "a");
    send("SNAPSHOT_END", 9);
    assert.deepEqual([ids(), list.cursor], ["b", cursor(9)]);
  });

  it("asks for a snapshot if the server no longer knows its cursor", async () => {
    send("SNAPSHOT", 5, "a");
    send("SNAPSHOT_END", 5);
    fail(new RequestError("CURSOR_EXPIRED", "the cursor is too old"));
    await nextAttempt();
    assert.deepEqual([after(), ids()], [null, "a"]);
  });

  it("starts again if not even a heartbeat arrives", async () => {
    send("SNAPSHOT_END", 5);
    browser.clock.advance(39_000);
    assert.equal(list.status, "live");
    send("HEARTBEAT", 6);
    browser.clock.advance(39_000);
    assert.equal(list.status, "live");
    browser.clock.advance(2_000);
    assert.equal(list.status, "interrupted");
    await nextAttempt();
    assert.equal(after(), cursor(6));
  });

  it("tries again with growing delays, and at once when the browser is online", async () => {
    const delays: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const start = browser.clock.now();
      fail(new NetworkError("refused"));
      const count = transport.subscriptions.length;
      await until(() => {
        browser.clock.advance(100);
        return transport.subscriptions.length > count;
      });
      delays.push(browser.clock.now() - start);
    }
    assert.ok(delays[0]! < 1000 && delays[7]! > 15_000 && delays[7]! <= 31_000, delays.join());
    fail(new NetworkError("refused"));
    browser.events.dispatchEvent(new Event("online"));
    await until(() => transport.subscriptions.length === 10);
  });

  it("waits for a new session, and resumes after its cursor", async () => {
    send("SNAPSHOT", 5, "a");
    send("SNAPSHOT_END", 5);
    fail(new SessionExpiredError("revoked"));
    browser.clock.advance(3_600_000);
    browser.events.dispatchEvent(new Event("online"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(
      [list.status, expirations, transport.subscriptions.length],
      ["signed-out", 1, 1],
    );
    client.sessionRenewed();
    await until(() => transport.subscriptions.length === 2);
    assert.equal(after(), cursor(5));
  });

  it("fails if the server refuses it for good", () => {
    fail(new RequestError("QUERY_TOO_EXPENSIVE", "too many tickets"));
    assert.deepEqual([list.status, list.error?.message], ["failed", "too many tickets"]);
    browser.clock.advance(3_600_000);
    assert.equal(transport.subscriptions.length, 1);
  });

  it("ignores a ticket that the viewer may no longer see", () => {
    send("SNAPSHOT_END", 5);
    const change = { kind: "ADDED", cursor: cursor(6), ticketId: "a", ticket: null };
    transport.subscriptions[0]!.sink.next({ data: { ticketChanges: change } });
    assert.equal(ids(), "");
  });

  it("keeps its tickets in the store while nobody reads the rows", () => {
    send("SNAPSHOT", 5, "a");
    send("SNAPSHOT_END", 5);
    const many = gql("{ users { id } }");
    const users = Array.from({ length: 2100 }, (_, index) => ({ id: `usr_${index}` }));
    const written = normalize(prepare(many).selections, {}, { users });
    client.store.write(written, { cursor: cursor(6) });
    browser.clock.advance(3_600_000);
    for (const part of [written.records, [...written.records, ...written.records]]) {
      const records = part.map((each, index) => ({ ...each, id: `${part.length}-${index}` }));
      client.store.write({ root: {}, records }, { cursor: cursor(7) });
    }
    assert.equal(client.store.stampOf("usr_0", "id"), undefined);
    assert.equal(ids(), "a");
  });

  it("keeps nothing in the store that a listener reads at its end", async () => {
    send("SNAPSHOT", 5, "a");
    send("SNAPSHOT_END", 5);
    list.subscribe(() => void list.rows);
    list.close();
    await Promise.resolve();
    const { views } = client.store as unknown as { views: Map<string, unknown> };
    assert.equal(views.size, 0);
  });

  it("calls all listeners although one fails", async () => {
    const { error } = console;
    console.error = () => {};
    let calls = 0;
    list.subscribe(() => {
      throw new Error("a defect");
    });
    list.subscribe(() => calls++);
    send("SNAPSHOT_END", 5);
    await Promise.resolve();
    console.error = error;
    assert.equal(calls, 1);
  });

  it("calls listeners once per step, and never after it was closed", async () => {
    let calls = 0;
    list.subscribe(() => calls++);
    send("SNAPSHOT", 5, "a");
    send("SNAPSHOT_END", 5);
    await Promise.resolve();
    assert.equal(calls, 1);
    const rows = list.rows;
    assert.equal(list.rows, rows);
    list.close();
    await Promise.resolve();
    calls = 0;
    send("ADDED", 6, "b");
    await Promise.resolve();
    assert.equal(calls, 0);
  });
});
