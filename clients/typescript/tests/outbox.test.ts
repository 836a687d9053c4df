import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  DraftConflictError,
  gql,
  NetworkError,
  RequestError,
  SessionExpiredError,
} from "../src/index.js";
import type { GraphQLRequest, GraphQLResponse } from "../src/index.js";
import { REPLY, TICKET, TestBrowser, TestTransport, until } from "./support.js";

let browser: TestBrowser;
beforeEach(() => (browser = new TestBrowser()));
afterEach(() => browser.close());

/** Lets messages and transactions that are under way arrive. */
async function runEventLoop(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A server that stores each reply once per key, and can lose responses. */
class ReplyServer {
  readonly stored = new Map<string, string>();
  isOffline = false;
  losesResponses = false;
  readonly transport = new TestTransport((request) => this.answer(request));

  private answer({ variables }: GraphQLRequest): GraphQLResponse {
    const { body, idempotencyKey } = variables.input as { body: string; idempotencyKey: string };
    if (this.isOffline) throw new NetworkError("offline");
    const replayed = this.stored.has(idempotencyKey);
    this.stored.set(idempotencyKey, body);
    if (this.losesResponses) throw new NetworkError("cut");
    return { data: { replyToTicket: { cursor: "000000000000000a", replayed, userErrors: [] } } };
  }
}

describe("the outbox", () => {
  it("sends a reply once, although its response was lost", async () => {
    const server = new ReplyServer();
    server.losesResponses = true;
    const client = browser.open(server.transport);
    const { key } = await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => server.transport.requests.length === 1 && browser.clock.waiting > 0);
    server.losesResponses = false;
    browser.clock.advance(60_000);
    await until(() => client.outbox.entries.every((entry) => entry.state === "sent"));
    assert.equal(server.transport.requests.length, 2);
    assert.deepEqual([...server.stored], [[key, "hello"]]);
    assert.equal(client.outbox.entries[0]!.cursor, "000000000000000a");
    await until(() => browser.clock.waiting > 0); // it is shown for some seconds
    browser.clock.advance(60_000);
    assert.deepEqual(client.outbox.entries, []);
  });

  it("never lists an entry twice", async () => {
    const server = new ReplyServer();
    const client = browser.open(server.transport);
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    const states = new Set<string>();
    while (!states.has("sent")) {
      states.add(client.outbox.entries.map((entry) => entry.state).join());
      await runEventLoop(1);
    }
    assert.deepEqual([...states], ["waiting", "sent"]);
  });

  it("sends what an earlier page has left, with the same key", async () => {
    const server = new ReplyServer();
    server.isOffline = true;
    const first = browser.open(server.transport);
    const { key } = await first.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => server.transport.requests.length === 1);
    first.close();
    server.isOffline = false;
    browser.open(server.transport);
    await until(() => server.stored.size === 1);
    assert.deepEqual([...server.stored.keys()], [key]);
  });

  it("sends again when the browser is online", async () => {
    const server = new ReplyServer();
    server.isOffline = true;
    const client = browser.open(server.transport);
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => server.transport.requests.length === 1 && browser.clock.waiting > 0);
    server.isOffline = false;
    browser.events.dispatchEvent(new Event("online"));
    await until(() => server.stored.size === 1);
    assert.equal(server.transport.checks, 1);
  });

  it("waits for its next attempt if the browser is online but nobody sees the page", async () => {
    const server = new ReplyServer();
    server.isOffline = true;
    let isVisible = false;
    const client = browser.open(server.transport, { isVisible: () => isVisible });
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => server.transport.requests.length === 1 && browser.clock.waiting > 0);
    server.isOffline = false;
    browser.events.dispatchEvent(new Event("online"));
    assert.equal(server.transport.checks, 0);
    isVisible = true;
    browser.events.dispatchEvent(new Event("online"));
    await until(() => server.stored.size === 1);
    assert.equal(server.transport.checks, 1);
  });

  it("keeps the order of a ticket's replies, and lets other tickets pass", async () => {
    const bodies: string[] = [];
    let fails = true;
    const transport = new TestTransport(({ variables }) => {
      const { ticketId, body } = variables.input as { ticketId: string; body: string };
      if (ticketId === "tkt_1" && fails) throw new RequestError("INTERNAL", "a defect");
      bodies.push(body);
      return { data: { replyToTicket: { cursor: "000000000000000a", userErrors: [] } } };
    });
    const client = browser.open(transport);
    for (const [ticketId, body] of [
      ["tkt_1", "a"],
      ["tkt_1", "b"],
      ["tkt_2", "c"],
    ] as const) {
      await client.send(REPLY, { ticketId, body });
    }
    await until(() => bodies.length === 1 && browser.clock.waiting > 0);
    fails = false;
    await until(() => {
      browser.clock.advance(60_000);
      return bodies.length === 3;
    });
    assert.deepEqual(bodies, ["c", "a", "b"]);
  });

  it("shows a refused reply until it is discarded", async () => {
    const refusal = { code: "TRANSITION_REFUSED", message: "the ticket is closed" };
    const transport = new TestTransport(() => ({
      data: { replyToTicket: { cursor: null, userErrors: [refusal] } },
    }));
    const client = browser.open(transport);
    const { key } = await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => client.outbox.entries[0]?.state === "refused");
    assert.deepEqual(client.outbox.entries[0]!.userErrors, [refusal]);
    await client.outbox.discard(key);
    assert.deepEqual(client.outbox.entries, []);
    assert.equal(transport.requests.length, 1);
  });

  it("does not send a reply again after the server may have forgotten its key", async () => {
    const server = new ReplyServer();
    server.losesResponses = true;
    const client = browser.open(server.transport);
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => server.transport.requests.length === 1 && browser.clock.waiting > 0);
    browser.clock.advance(24 * 3_600_000);
    await until(() => client.outbox.entries[0]?.state === "uncertain");
    assert.equal(server.transport.requests.length, 1);
  });

  it("waits for a new session", async () => {
    let isSignedIn = false;
    const server = new ReplyServer();
    const answer = server.transport.answer;
    server.transport.answer = (request) => {
      if (!isSignedIn) throw new SessionExpiredError("expired");
      return answer(request);
    };
    let expirations = 0;
    const client = browser.open(server.transport, {}, () => expirations++);
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" }).catch(() => undefined);
    await until(() => server.transport.requests.length === 1);
    browser.clock.advance(600_000);
    isSignedIn = true;
    client.sessionRenewed();
    await until(() => server.stored.size === 1);
    assert.equal(expirations, 1);
    assert.equal(server.transport.requests.length, 2);
  });
});

describe("an entry that changes while it is to be sent", () => {
  it("is not sent if the person discards it", async () => {
    const server = new ReplyServer();
    let release: (() => void) | undefined;
    let isOffline = true;
    const answer = server.transport.answer;
    server.transport.answer = async (request) => {
      if (isOffline) throw new NetworkError("offline");
      await new Promise<void>((resolve) => (release ??= resolve));
      return answer(request);
    };
    const client = browser.open(server.transport);
    await client.send(REPLY, { ticketId: "tkt_1", body: "first" });
    const { key } = await client.send(REPLY, { ticketId: "tkt_2", body: "discarded" });
    await until(() => browser.clock.waiting > 0);
    isOffline = false;
    browser.events.dispatchEvent(new Event("online"));
    await until(() => release !== undefined);
    await client.outbox.discard(key);
    server.transport.answer = answer;
    release!();
    await client.send(REPLY, { ticketId: "tkt_3", body: "last" });
    await until(() => server.stored.size === 2);
    assert.deepEqual([...server.stored.values()], ["first", "last"]);
  });

  it("keeps the state that another tab has stored", async () => {
    const refusal = { code: "TRANSITION_REFUSED", message: "the ticket is closed" };
    const answers: Array<(error: GraphQLResponse) => void> = [];
    const transport = new TestTransport(() => new Promise((resolve) => answers.push(resolve)));
    const tabs = [0, 1].map(() => browser.open(transport, { locks: undefined }));
    await tabs[0]!.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => answers.length === 2);
    answers[0]!({ data: { replyToTicket: { cursor: null, userErrors: [refusal] } } });
    await until(() => tabs.every((tab) => tab.outbox.entries[0]?.state === "refused"));
    answers[1]!({ errors: [{ message: "no", extensions: { code: "FORBIDDEN" } }] });
    await tabs[0]!.send(REPLY, { ticketId: "tkt_2", body: "next" });
    await until(() => answers.length === 4);
    assert.deepEqual(tabs[0]!.outbox.entries[0]?.userErrors, [refusal]);
  });
});

describe("several tabs", () => {
  it("wait longer and longer while the server is unreachable, although each sees the other's attempts", async () => {
    const server = new ReplyServer();
    server.isOffline = true;
    const tabs = [browser.open(server.transport), browser.open(server.transport)];
    await tabs[0]!.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => browser.clock.waiting === tabs.length);
    for (let elapsedMs = 0; elapsedMs < 60_000; elapsedMs += 500) {
      browser.clock.advance(500);
      await until(() => browser.clock.waiting === tabs.length);
      await runEventLoop(50); // messages between the tabs arrive
    }
    const { length } = server.transport.requests;
    assert.ok(length >= 10 && length <= 20, `${length} requests`);
  });

  it("send what a closed tab has left", async () => {
    const server = new ReplyServer();
    const offline = new TestTransport(() => {
      throw new NetworkError("offline");
    });
    const first = browser.open(offline);
    browser.open(server.transport);
    await browser.locks.request("sentinel", async () => {}); // it has found nothing to send
    await first.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    first.close();
    await until(() => server.stored.size === 1);
  });

  it("send although the browser refuses locks", async () => {
    const server = new ReplyServer();
    const locks = { request: () => Promise.reject(new Error("SecurityError")) };
    const client = browser.open(server.transport, { locks });
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => server.stored.size === 1);
  });

  for (const locks of [true, false]) {
    it(`store a reply once ${locks ? "with" : "without"} Web Locks`, async () => {
      const server = new ReplyServer();
      server.isOffline = true;
      const changes = locks ? {} : { locks: undefined };
      const tabs = [
        browser.open(server.transport, changes),
        browser.open(server.transport, changes),
      ];
      const { key } = await tabs[0]!.send(REPLY, { ticketId: "tkt_1", body: "hello" });
      await until(
        () => tabs[1]!.outbox.entries.length === 1 && server.transport.requests.length >= 1,
      );
      server.isOffline = false;
      for (const tab of tabs) void tab.outbox.send();
      browser.events.dispatchEvent(new Event("online"));
      await until(() =>
        tabs.every((tab) => tab.outbox.entries.every((entry) => entry.state === "sent")),
      );
      assert.deepEqual([...server.stored.keys()], [key]);
    });
  }

  it("see each other's mutations, and never an older state", async () => {
    const fields = (version: number): object => ({
      id: "tkt_1",
      version,
      subject: `subject ${version}`,
    });
    const transport = new TestTransport(({ query }) =>
      query.startsWith("mutation")
        ? {
            data: {
              replyToTicket: { cursor: "000000000000000b", userErrors: [], ticket: fields(3) },
            },
          }
        : { data: { ticket: fields(2) }, extensions: { cursor: "000000000000000a" } },
    );
    const mutation = gql<{ replyToTicket: object }, { input: object }>(
      `mutation($input: I!) { replyToTicket(input: $input) { cursor userErrors { code } ticket { id version subject } } }`,
    );
    const [first, second] = [browser.open(transport), browser.open(transport)];
    const query = second.watch(TICKET, { id: "tkt_1" });
    await until(() => query.value?.ticket?.version === 2);
    await first.mutate(mutation, { input: {} });
    await until(() => query.value?.ticket?.version === 3);
    await query.refetch();
    assert.equal(query.value?.ticket?.subject, "subject 3");
  });

  it("work without BroadcastChannel and IndexedDB", async () => {
    const server = new ReplyServer();
    const changes = {
      indexedDB: undefined,
      locks: undefined,
      openChannel: () => {
        throw new Error("not allowed");
      },
    };
    const client = browser.open(server.transport, changes);
    await client.drafts.save("reply:tkt_1", "hello", 0);
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" }, "reply:tkt_1");
    await until(() => server.stored.size === 1);
    assert.equal(await client.drafts.read("reply:tkt_1"), undefined);
  });
});

describe("drafts", () => {
  it("survive the page, and are deleted in the step that queues the reply", async () => {
    const server = new ReplyServer();
    server.isOffline = true;
    const first = browser.open(server.transport);
    const { revision } = await first.drafts.save("reply:tkt_1", { body: "hel" }, 0);
    const saved = await first.drafts.save("reply:tkt_1", { body: "hello" }, revision);
    first.close();
    const second = browser.open(server.transport);
    const draft = await second.drafts.read<{ body: string }>("reply:tkt_1");
    assert.deepEqual([draft?.content.body, draft?.revision], ["hello", saved.revision]);
    assert.ok(saved.revision > revision);
    await second.send(REPLY, { ticketId: "tkt_1", body: "hello" }, "reply:tkt_1");
    assert.deepEqual(await second.drafts.readAll(), []);
    assert.deepEqual(
      second.outbox.entries.map((entry) => entry.variables.input.body),
      ["hello"],
    );
  });

  it("are not overwritten by another tab that has not seen them", async () => {
    const [first, second] = [0, 1].map(() => browser.open(new ReplyServer().transport));
    const { revision } = await first!.drafts.save("reply:tkt_1", "mine", 0);
    const conflict = await second!.drafts
      .save("reply:tkt_1", "yours", 0)
      .catch((error: unknown) => error);
    assert.ok(conflict instanceof DraftConflictError);
    assert.equal(conflict.current?.content, "mine");
    await assert.rejects(second!.drafts.discard("reply:tkt_1", 0), DraftConflictError);
    await second!.drafts.discard("reply:tkt_1", revision);
    assert.equal(await first!.drafts.read("reply:tkt_1"), undefined);
  });

  it("are not overwritten after another tab has deleted and written them", async () => {
    const [first, second] = [0, 1].map(() => browser.open(new ReplyServer().transport));
    const old = await first!.drafts.save("reply:tkt_1", "old", 0);
    await second!.drafts.discard("reply:tkt_1", old.revision);
    browser.clock.advance(1000);
    await second!.drafts.save("reply:tkt_1", "new", 0);
    const late = first!.drafts.save("reply:tkt_1", "mine", old.revision);
    await assert.rejects(late, DraftConflictError);
  });

  it("stay if another tab has changed what a tab sends", async () => {
    const [first, second] = [0, 1].map(() => browser.open(new ReplyServer().transport));
    const draft = await first!.drafts.save("reply:tkt_1", "hello", 0);
    const newer = await second!.drafts.save("reply:tkt_1", "hello there", draft.revision);
    await first!.send(REPLY, { ticketId: "tkt_1", body: "hello" }, draft);
    assert.deepEqual(await first!.drafts.read("reply:tkt_1"), newer);
    await second!.send(REPLY, { ticketId: "tkt_1", body: "hello there" }, newer);
    assert.equal(await second!.drafts.read("reply:tkt_1"), undefined);
  });

  it("tell other tabs of changes", async () => {
    const [first, second] = [0, 1].map(() => browser.open(new ReplyServer().transport));
    let changes = 0;
    second!.drafts.subscribe(() => changes++);
    await first!.drafts.save("reply:tkt_1", "hello", 0);
    await until(() => changes === 1);
  });
});
