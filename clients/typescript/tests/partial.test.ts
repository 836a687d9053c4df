import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gql } from "../src/index.js";
import type { GraphQLResponse, TicketChange, TicketwireClient } from "../src/index.js";
import { TestBrowser, TestTransport, until } from "./support.js";

interface Ticket {
  readonly id: string;
  readonly version: number;
  readonly assignee: { readonly id: string; readonly name: string };
}

const FIELDS = "id version assignee { id name }";
const TICKET = gql<{ ticket: Ticket }>(`{ ticket { ${FIELDS} } }`);
const FRAGMENT = gql<{ ticket: Ticket }>(
  "{ ticket { ...Row } } fragment Row on Ticket { id version assignee { id name } }",
);
const EVENTS = gql<{ ticketEvents: { cursor: string } }>(
  "subscription($after: String) { ticketEvents(after: $after) { cursor ticket { id version assignee { id } } } }",
);
const LIST = gql<{ ticketChanges: TicketChange<Ticket> }>(
  `subscription($after: String) { ticketChanges(after: $after) { kind cursor ticketId ticket { ${FIELDS} } } }`,
);
const cursor = (position: number): string => position.toString(16).padStart(16, "0");
const ticket = (version: number, user: string): object => ({
  id: "tkt_1",
  version,
  assignee: { id: user, name: `name of ${user}` },
});

let browser: TestBrowser;
let transport: TestTransport;
let client: TicketwireClient;
let assignee: string;
beforeEach(() => {
  browser = new TestBrowser();
  assignee = "usr_1";
  transport = new TestTransport((): GraphQLResponse => {
    const version = assignee === "usr_1" ? 1 : 2;
    return {
      data: { ticket: ticket(version, assignee) },
      extensions: { cursor: cursor(4 + version) },
    };
  });
  client = browser.open(transport);
});
afterEach(() => browser.close());

/** Assigns the ticket to somebody of whom the event states only the id. */
function assign(user: string): void {
  assignee = user;
  client.follow(EVENTS, { next: () => {} });
  const event = { cursor: cursor(6), ticket: { id: "tkt_1", version: 2, assignee: { id: user } } };
  transport.subscriptions.at(-1)!.sink.next({ data: { ticketEvents: event } });
}

describe("a reference that moves to a record which is known only partly", () => {
  for (const [name, document] of Object.entries({ fields: TICKET, fragments: FRAGMENT })) {
    it(`keeps the last value of a query of ${name}, and reads it again once`, async () => {
      const query = client.watch(document);
      await until(() => query.status === "ready");
      assign("usr_2");
      assert.equal(query.value?.ticket.assignee.name, "name of usr_1");
      await until(() => query.value?.ticket.assignee.name === "name of usr_2");
      assert.equal(transport.requests.length, 2);
    });
  }

  it("does not refetch the query for ever if the responses are too old", async () => {
    const query = client.watch(TICKET);
    await until(() => query.status === "ready");
    assign("usr_2");
    assignee = "usr_1"; // the response is too old
    await until(() => transport.requests.length >= 2);
    const sentinel = client.watch(gql("{ ticket { id } }"));
    await until(() => sentinel.status === "ready");
    assert.equal(query.value?.ticket.assignee.name, "name of usr_1");
    assert.ok(transport.requests.length <= 6, `${transport.requests.length} requests`);
  });

  it("keeps the row of a list", () => {
    const list = client.liveList<Ticket>({ document: LIST, compare: () => 0 });
    const { sink } = transport.subscriptions.at(-1)!;
    const snapshot = { kind: "SNAPSHOT", ticketId: "tkt_1", ticket: ticket(1, "usr_1") };
    sink.next({ data: { ticketChanges: { ...snapshot, cursor: cursor(5) } } });
    const end = { kind: "SNAPSHOT_END", ticketId: null, ticket: null };
    sink.next({ data: { ticketChanges: { ...end, cursor: cursor(5) } } });
    assign("usr_2");
    assert.deepEqual(list.rows, [ticket(1, "usr_1")]);
    const change = { kind: "UPDATED", ticketId: "tkt_1", ticket: ticket(2, "usr_2") };
    sink.next({ data: { ticketChanges: { ...change, cursor: cursor(6) } } });
    assert.deepEqual(list.rows, [ticket(2, "usr_2")]);
  });

  it("is left out of an optimistic change, whose other fields are shown", async () => {
    const query = client.watch(TICKET);
    await until(() => query.status === "ready");
    client.store.change({ tkt_1: { version: 9, assignee: { id: "usr_3" } } });
    assert.deepEqual(query.value?.ticket, { ...ticket(1, "usr_1"), version: 9 });
  });
});
