import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gql, prepare } from "../src/document.js";
import type { TypedDocument, Variables } from "../src/document.js";
import { normalize } from "../src/normalize.js";
import { QUERY_ROOT, Store } from "../src/store.js";

const cursor = (position: number): string => position.toString(16).padStart(16, "0");

/** Writes the response of a query, and returns a view of it. */
function write<Result>(
  store: Store,
  document: TypedDocument<Result, Variables>,
  data: object,
  position: number,
  variables: Variables = {},
): () => Result | undefined {
  const { selections } = prepare(document);
  store.write(normalize(selections, variables, data), { cursor: cursor(position) }, true);
  const view = store.view<Result>(QUERY_ROOT, selections, variables, () => {});
  return () => view.value;
}

interface Ticket {
  readonly id: string;
  readonly version: number;
  readonly subject: string;
}
const TICKET = gql<{ ticket: Ticket | null }>(
  "query($id: ID!) { ticket(id: $id) { id version subject } }",
);
const ticket = (version: number): object => ({
  ticket: { id: "tkt_1", version, subject: `subject ${version}` },
});

describe("the store", () => {
  it("ignores a response with a lower version, although its cursor is higher", () => {
    const store = new Store(Date.now);
    const read = write(store, TICKET, ticket(3), 5);
    write(store, TICKET, ticket(2), 7);
    assert.equal(read()?.ticket?.version, 3);
    assert.equal(store.stampOf("tkt_1", "subject")?.cursor, cursor(7));
  });

  it("does not take the version of an older value for that of a newer one without version", () => {
    const store = new Store(Date.now);
    const read = write(store, TICKET, ticket(5), 5);
    const short = gql("query($id: ID!) { ticket(id: $id) { id subject } }");
    write(store, short, { ticket: { id: "tkt_1", subject: "subject 8" } }, 8);
    write(store, TICKET, ticket(6), 6); // a delayed event
    assert.equal(read()?.ticket?.subject, "subject 8");
    write(store, TICKET, ticket(4), 9); // certainly older, although its cursor is higher
    assert.equal(read()?.ticket?.subject, "subject 8");
    write(store, TICKET, ticket(9), 9);
    assert.equal(read()?.ticket?.subject, "subject 9");
  });

  describe("and read marks, which are not in the log", () => {
    const LIST = gql<{ ticket: { viewerHasUnread: boolean } | null }>(
      "query { ticket { id version viewerHasUnread } }",
    );
    const row = (version: number, viewerHasUnread: boolean): object => ({
      ticket: { id: "tkt_1", version, viewerHasUnread },
    });
    const mark = (store: Store, data: object, sentAt = -Infinity): void =>
      store.write(normalize(prepare(LIST).selections, {}, data), { cursor: undefined, sentAt });

    it("keeps a ticket read when a list arrives that was read before the mark", () => {
      const store = new Store(Date.now);
      const read = write(store, LIST, row(3, true), 5);
      mark(store, row(3, false), store.nextStep());
      write(store, LIST, row(3, true), 5); // of the same cursor
      write(store, LIST, row(3, true), 7); // other tickets have changed
      assert.equal(read()?.ticket?.viewerHasUnread, false);
    });

    it("shows a ticket as read although its list was asked for after the mark", () => {
      const store = new Store(Date.now);
      const [sentAt, listSentAt] = [store.nextStep(), store.nextStep()];
      const list = normalize(prepare(LIST).selections, {}, row(3, true));
      store.write(list, { cursor: cursor(9), sentAt: listSentAt }, true);
      mark(store, row(3, false), sentAt);
      assert.equal(store.readField("tkt_1", "viewerHasUnread"), false);
    });

    it("takes over the mark of another tab, which has no order here", () => {
      const store = new Store(Date.now);
      const read = write(store, LIST, row(3, true), 5);
      mark(store, row(3, false));
      assert.equal(read()?.ticket?.viewerHasUnread, false);
    });

    it("shows a ticket as unread again after a later change", () => {
      const store = new Store(Date.now);
      const read = write(store, LIST, row(3, false), 5);
      write(store, LIST, row(4, true), 5);
      assert.equal(read()?.ticket?.viewerHasUnread, true);
      mark(store, row(3, false), store.nextStep()); // only up to the earlier change
      assert.equal(read()?.ticket?.viewerHasUnread, true);
    });

    it("believes a request that was sent later, because the server deletes old marks", () => {
      const store = new Store(Date.now);
      write(store, LIST, row(3, false), 5);
      mark(store, row(3, true), store.nextStep());
      assert.equal(store.readField("tkt_1", "viewerHasUnread"), true);
    });
  });

  it("keeps the identity of what does not change", () => {
    const store = new Store(Date.now);
    const document = gql<{ tickets: { nodes: Ticket[] } }>(
      "{ tickets { nodes { id version subject } } }",
    );
    const nodes = ["tkt_1", "tkt_2"].map((id) => ({ id, version: 1, subject: "a" }));
    const read = write(store, document, { tickets: { nodes } }, 5);
    const before = read()!.tickets.nodes;
    write(store, TICKET, { ticket: { id: "tkt_2", version: 2, subject: "b" } }, 6, { id: "tkt_2" });
    const after = read()!.tickets.nodes;
    assert.equal(after[0], before[0]);
    assert.deepEqual(after[1], { id: "tkt_2", version: 2, subject: "b" });
    assert.equal(read(), read());
  });

  it("keeps pages with different arguments apart", () => {
    const store = new Store(Date.now);
    const document = gql<{ ticket: { messages: { nodes: object[] } } }>(
      "query($first: Int) { ticket(id: 1) { id messages(first: $first) { nodes { id body } } } }",
    );
    const data = (...ids: string[]): object => ({
      ticket: { id: "tkt_1", messages: { nodes: ids.map((id) => ({ id, body: id })) } },
    });
    const one = write(store, document, data("msg_1"), 5, { first: 1 });
    const two = write(store, document, data("msg_1", "msg_2"), 6, { first: 2 });
    assert.deepEqual(
      [one()?.ticket.messages.nodes.length, two()?.ticket.messages.nodes.length],
      [1, 2],
    );
  });

  it("keeps different selections of objects without an id apart", () => {
    const store = new Store(Date.now);
    const short = gql<{ ticket: { clocks: object[] } }>("{ ticket { id clocks { metric } } }");
    const long = gql<{ ticket: { clocks: object[] } }>(
      "{ ticket { id clocks { metric status } } }",
    );
    const readLong = write(
      store,
      long,
      { ticket: { id: "tkt_1", clocks: [{ metric: "R", status: "OK" }] } },
      5,
    );
    const readShort = write(store, short, { ticket: { id: "tkt_1", clocks: [] } }, 6);
    assert.deepEqual(readLong()?.ticket.clocks, [{ metric: "R", status: "OK" }]);
    assert.deepEqual(readShort()?.ticket.clocks, []);
  });

  it("reads fragments, aliases and objects of several types", () => {
    const store = new Store(Date.now);
    const document = gql<{ ticket: { name: string; events: object[] } }>(`
      query { ticket(id: "1") { ...Title events: timeline(last: 2) {
        type actor { displayName ... on User { id email } } ... on TicketReplied { reply { id body } } } } }
      fragment Title on Ticket { id name: subject }
    `);
    const events = [
      { type: "CREATED", actor: { displayName: "System" } },
      {
        type: "REPLY_ADDED",
        actor: { displayName: "Ada", id: "usr_1", email: null },
        reply: { id: "msg_1", body: "a" },
      },
    ];
    const read = write(store, document, { ticket: { id: "tkt_1", name: "VPN", events } }, 5);
    assert.deepEqual(read()?.ticket, { id: "tkt_1", name: "VPN", events });
  });

  it("reads an object without a field that is in a fragment and, with a condition, outside of it", () => {
    const store = new Store(Date.now);
    const document = gql<{ ticket: { events: object[] } }>(`
      query($all: Boolean!) { ticket(id: "1") { id events: timeline(last: 1) {
        type actor { __typename ...Person displayName @include(if: $all) } } } }
      fragment Person on User { displayName }
    `);
    const events = [{ type: "CREATED", actor: { __typename: "System" } }];
    const read = write(store, document, { ticket: { id: "tkt_1", events } }, 5);
    assert.deepEqual(read()?.ticket, { id: "tkt_1", events });
  });

  it("shows an optimistic change until its cursor is included", () => {
    const store = new Store(Date.now);
    const read = write(store, TICKET, ticket(1), 5);
    const subject = (): string | undefined => read()?.ticket?.subject;
    const change = store.change({ tkt_1: { subject: "mine" } });
    write(store, TICKET, ticket(2), 6);
    assert.equal(subject(), "mine");
    store.confirm(change, cursor(7));
    assert.equal(subject(), "mine");
    write(store, TICKET, ticket(3), 7);
    assert.equal(subject(), "subject 3");
    assert.equal(store.optimistic.count, 0);
  });

  it("takes back one optimistic change and keeps a later one", () => {
    const store = new Store(Date.now);
    const read = write(store, TICKET, ticket(1), 5);
    const first = store.change({ tkt_1: { subject: "first" } });
    const second = store.change({ tkt_1: { subject: "second" } });
    store.rollBack(first);
    assert.equal(read()?.ticket?.subject, "second");
    store.rollBack(second);
    assert.equal(read()?.ticket?.subject, "subject 1");
  });

  it("shows null as an expected value, and records by their id", () => {
    const store = new Store(Date.now);
    const document = gql<{ ticket: { assignee: object | null } }>(
      "{ ticket { id assignee { id name } } }",
    );
    const read = write(
      store,
      document,
      { ticket: { id: "tkt_1", assignee: { id: "usr_1", name: "Ada" } } },
      5,
    );
    const users = gql("{ user { id name } }");
    write(store, users, { user: { id: "usr_2", name: "Bill" } }, 5);
    const change = store.change({ tkt_1: { assignee: null } });
    assert.equal(read()?.ticket.assignee, null);
    store.rollBack(change);
    store.change({ tkt_1: { assignee: { id: "usr_2" } } });
    assert.deepEqual(read()?.ticket.assignee, { id: "usr_2", name: "Bill" });
  });

  it("forgets records that nothing shows, after some minutes", () => {
    let now = 0;
    const store = new Store(() => now);
    const read = write(store, TICKET, ticket(1), 5);
    const document = gql("{ users { id name } }");
    const writeUsers = (from: number): void => {
      const users = Array.from({ length: 1500 }, (_, index) => ({
        id: `usr_${from + index}`,
        name: "a",
      }));
      store.write(normalize(prepare(document).selections, {}, { users }), { cursor: cursor(5) });
    };
    writeUsers(0);
    now += 3_600_000;
    writeUsers(1500);
    assert.equal(store.size, 1502);
    assert.equal(read()?.ticket?.subject, "subject 1");
  });
});
