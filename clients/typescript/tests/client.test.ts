import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gql, NetworkError, RequestError, SessionExpiredError } from "../src/index.js";
import type { GraphQLResponse, Payload, TicketwireClient } from "../src/index.js";
import { QUERY_ROOT } from "../src/store.js";
import { REPLY, TestBrowser, TestTransport, TICKET, until } from "./support.js";

const EVENTS = gql<{ ticketEvents: { cursor: string } }>(
  "subscription($after: String) { ticketEvents(after: $after) { cursor ticket { id version subject } } }",
);
const CHANGE = gql<{ change: Payload }, { input: { idempotencyKey?: string } }>(
  `mutation($input: I!) {
    change(input: $input) { cursor userErrors { code message } ticket { id version subject } }
  }`,
);
const cursor = (position: number): string => position.toString(16).padStart(16, "0");
const ticket = (version: number): object => ({ id: "tkt_1", version, subject: `s${version}` });

let browser: TestBrowser;
let transport: TestTransport;
let client: TicketwireClient;
let reconnected: () => void;
let answers: Array<GraphQLResponse | Error>;

beforeEach(() => {
  browser = new TestBrowser();
  answers = [];
  transport = new TestTransport(() => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const createTransport = (callback: () => void): TestTransport => {
    reconnected = callback;
    return transport;
  };
  client = browser.open(transport, { createTransport });
});
afterEach(() => browser.close());

/** Lets time pass until a condition holds. */
async function passTime(condition: () => boolean): Promise<void> {
  await until(() => {
    browser.clock.advance(1000);
    return condition();
  });
}

function response(version: number, position: number): GraphQLResponse {
  return { data: { ticket: ticket(version) }, extensions: { cursor: cursor(position) } };
}

it("does not replace an event by a response that has no cursor and was asked for earlier", async () => {
  const read = (at: number): object => ({ id: "tkt_1", version: 1, clocks: [{ breachesAt: at }] });
  const FIELDS = "ticket { id version clocks { breachesAt } }";
  const followed = gql<{ ticketEvents: { cursor: string } }>(
    `subscription { ticketEvents { cursor ${FIELDS} } }`,
  );
  const mark = gql<{ mark: Payload }>(`mutation { mark { ${FIELDS} userErrors { code } } }`);
  const tellEvent = (position: number): void => {
    const ticketEvents = { cursor: cursor(position), ticket: read(position) };
    transport.subscriptions[0]!.sink.next({ data: { ticketEvents } });
  };
  let answer = (_: GraphQLResponse): void => {};
  transport.answer = () => new Promise((resolve) => (answer = resolve));
  const clock = (): unknown => client.store.readField("tkt_1", "clocks{breachesAt}");
  client.follow(followed, { next: () => {} });
  tellEvent(5);
  const marked = client.mutate(mark, {});
  await until(() => transport.requests.length === 1);
  tellEvent(7);
  answer({ data: { mark: { ticket: read(6), userErrors: [] } } });
  await marked;
  assert.deepEqual(clock(), [{ breachesAt: 7 }]);
  const again = client.mutate(mark, {});
  await until(() => transport.requests.length === 2);
  answer({ data: { mark: { ticket: read(8), userErrors: [] } } });
  await again;
  assert.deepEqual(clock(), [{ breachesAt: 8 }]);
});

describe("a query", () => {
  it("is repeated after interruptions, and read again when the connection is back", async () => {
    answers = [new NetworkError("offline"), response(1, 5), response(2, 6)];
    const query = client.watch(TICKET, { id: "tkt_1" });
    await passTime(() => query.status === "ready");
    assert.deepEqual([query.value?.ticket?.version, query.cursor], [1, cursor(5)]);
    reconnected();
    await until(() => query.value?.ticket?.version === 2);
    assert.equal(query.cursor, cursor(6));
  });

  it("fails with the server's error, and stores nothing of that response", async () => {
    const errors = [{ message: "no", extensions: { code: "FORBIDDEN" } }];
    answers = [{ data: { ticket: ticket(1) }, errors }];
    const query = client.watch(TICKET, { id: "tkt_1" });
    await until(() => query.status === "failed");
    assert.equal((query.error as RequestError).code, "FORBIDDEN");
    assert.equal(query.value, undefined);
    assert.equal(client.store.stampOf("tkt_1", "version"), undefined);
  });

  it("leaves no root fields behind when nothing shows it", async () => {
    answers = [response(1, 5)];
    await client.query(TICKET, { id: "tkt_1" });
    const key = 'ticket(id:"tkt_1")';
    assert.equal(client.store.readField(QUERY_ROOT, key), undefined);
    const [first, second] = [0, 1].map(() => client.watch(TICKET, { id: "tkt_1" }));
    await until(() => first!.status === "ready" && second!.status === "ready");
    first!.close();
    assert.notEqual(client.store.readField(QUERY_ROOT, key), undefined);
    second!.close();
    assert.equal(client.store.readField(QUERY_ROOT, key), undefined);
  });
});

describe("a mutation", () => {
  const payload = (version: number, position: number): GraphQLResponse => ({
    data: { change: { cursor: cursor(position), userErrors: [], ticket: ticket(version) } },
  });

  it("is repeated with its idempotency key, also while the first attempt is running", async () => {
    const running = [{ code: "IDEMPOTENCY_IN_PROGRESS", message: "wait" }];
    const inProgress = { data: { change: { cursor: null, userErrors: running, ticket: null } } };
    answers = [new NetworkError("cut"), inProgress, payload(2, 6)];
    const result = client.mutate(CHANGE, { input: { idempotencyKey: "a" } });
    await passTime(() => transport.requests.length === 3);
    assert.equal((await result).change.cursor, cursor(6));
    assert.equal(new Set(transport.requests.map((each) => JSON.stringify(each))).size, 1);
  });

  it("waits some minutes until the server can be reached, and shows its expected effect", async () => {
    answers = [response(1, 5), new NetworkError("offline")];
    const query = client.watch(TICKET, { id: "tkt_1" });
    await until(() => query.status === "ready");
    const change = () =>
      client.mutate(CHANGE, { input: { idempotencyKey: "a" } }, { tkt_1: { subject: "mine" } });
    const start = browser.clock.now();
    const result = change();
    await passTime(() => browser.clock.now() - start > 60_000 && transport.requests.length > 6);
    assert.equal(query.value?.ticket?.subject, "mine");
    answers = [payload(2, 6)];
    browser.events.dispatchEvent(new Event("online"));
    assert.equal((await result).change.cursor, cursor(6));
    assert.equal(query.value?.ticket?.subject, "s2");
    answers = [new NetworkError("offline")];
    let failure: unknown;
    change().catch((error: unknown) => (failure = error));
    await passTime(() => failure !== undefined);
    assert.ok(failure instanceof NetworkError);
    assert.equal(query.value?.ticket?.subject, "s2");
  });

  it("shows its expected effect while its variables are awaited", async () => {
    answers = [response(1, 5), payload(2, 6)];
    const query = client.watch(TICKET, { id: "tkt_1" });
    await until(() => query.status === "ready");
    let ready = (): void => {};
    const variables = new Promise<{ input: object }>((resolve) => {
      ready = () => resolve({ input: {} });
    });
    const result = client.mutate(CHANGE, () => variables, { tkt_1: { subject: "mine" } });
    assert.equal(query.value?.ticket?.subject, "mine");
    assert.equal(transport.requests.length, 1);
    ready();
    await result;
    assert.equal(query.value?.ticket?.subject, "s2");
  });

  it("is not repeated without a key, and its expected effect is taken back", async () => {
    answers = [response(1, 5), new NetworkError("cut")];
    const query = client.watch(TICKET, { id: "tkt_1" });
    await until(() => query.status === "ready");
    const result = client.mutate(CHANGE, { input: {} }, { tkt_1: { subject: "mine" } });
    assert.equal(query.value?.ticket?.subject, "mine");
    await assert.rejects(result, NetworkError);
    assert.equal(query.value?.ticket?.subject, "s1");
    assert.equal(transport.requests.length, 2);
  });

  it("returns user errors as data", async () => {
    const userErrors = [{ code: "STALE_VERSION", message: "somebody was faster" }];
    answers = [{ data: { change: { cursor: null, userErrors, ticket: null } } }];
    const { change } = await client.mutate(CHANGE, { input: {} }, { tkt_1: { subject: "mine" } });
    assert.deepEqual(change.userErrors, userErrors);
    assert.equal(client.store.optimistic.count, 0);
  });

  it("is a failure without an event, although the document has no user errors", async () => {
    const blind = gql<{ change: Payload }>("mutation { change { cursor ticket { id } } }");
    await assert.rejects(client.mutate(blind, {}), TypeError);
    const timeless = gql<{ change: Payload }, { input: object }>(
      "mutation { change { userErrors { message } } }",
    );
    await assert.rejects(client.mutate(timeless, { input: {} }, { tkt_1: {} }), TypeError);
    await assert.rejects(client.send(timeless, {}), TypeError);
    assert.equal(transport.requests.length, 0);
    answers = [{ data: { change: { cursor: null, userErrors: [], ticket: null } } }];
    await client.mutate(CHANGE, { input: {} }, { tkt_1: { subject: "mine" } });
    assert.equal(client.store.optimistic.count, 0);
    const reply = { data: { replyToTicket: { cursor: null, userErrors: [] } } };
    answers = [reply];
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => client.outbox.entries[0]?.state === "uncertain");
  });
});

describe("recovery", () => {
  it("waits longer each time although the server responds, and others do not wait", async () => {
    answers = [{ errors: [{ message: "a defect", extensions: { code: "INTERNAL" } }] }];
    client.watch(TICKET, { id: "tkt_1" });
    for (let second = 0; second < 60; second++) {
      await new Promise((resolve) => setImmediate(resolve));
      browser.clock.advance(1000);
    }
    assert.ok(transport.requests.length >= 4, `${transport.requests.length} requests`);
    assert.ok(transport.requests.length <= 9, `${transport.requests.length} requests`);
  });

  it("respects the delay for which the server asks, also when the browser is online", async () => {
    const limit = { code: "RATE_LIMITED", retryAfterMs: 60_000 };
    answers = [{ errors: [{ message: "slowly", extensions: limit }] }, response(1, 5)];
    const query = client.watch(TICKET, { id: "tkt_1" });
    await until(() => browser.clock.waiting > 0);
    browser.events.dispatchEvent(new Event("online"));
    const sentinel = client.watch(gql("{ tickets { id } }"));
    answers = [{ data: { tickets: [] } }];
    await until(() => sentinel.status === "ready");
    assert.equal(query.status, "loading");
    answers = [response(1, 5)];
    browser.clock.advance(60_000);
    await until(() => query.status === "ready");
  });

  it("ends with the client", async () => {
    answers = [new NetworkError("offline")];
    const query = client.watch(TICKET, { id: "tkt_1" });
    const once = client.query(TICKET, { id: "tkt_1" });
    await until(() => browser.clock.waiting > 0 && transport.requests.length === 2);
    client.close();
    await assert.rejects(once, NetworkError);
    await assert.rejects(query.refetch(), NetworkError);
  });
});

describe("a followed subscription", () => {
  const send = (position: number, version: number): void =>
    transport.subscriptions.at(-1)!.sink.next({
      data: { ticketEvents: { cursor: cursor(position), ticket: ticket(version) } },
    });
  const after = (): unknown => transport.subscriptions.at(-1)!.request.variables.after;

  it("writes to the store, and resumes after its last cursor", async () => {
    const seen: string[] = [];
    const next = (data: { ticketEvents: { cursor: string } }): number =>
      seen.push(data.ticketEvents.cursor);
    client.follow(EVENTS, { after: cursor(4), next });
    assert.equal(after(), cursor(4));
    send(5, 2);
    assert.equal(client.store.readField("tkt_1", "version"), 2);
    transport.subscriptions[0]!.sink.error(new NetworkError("cut"));
    await passTime(() => transport.subscriptions.length === 2);
    assert.equal(after(), cursor(5));
    send(6, 3);
    assert.deepEqual(seen, [cursor(5), cursor(6)]);
  });

  it("tells of a gap if the server no longer has the events", async () => {
    let gaps = 0;
    client.follow(EVENTS, { after: cursor(4), next: () => {}, gap: () => gaps++ });
    const { sink } = transport.subscriptions[0]!;
    sink.next({ errors: [{ message: "too old", extensions: { code: "CURSOR_EXPIRED" } }] });
    await passTime(() => transport.subscriptions.length === 2);
    assert.deepEqual([gaps, after()], [1, null]);
  });
});

describe("a followed subscription without a cursor", () => {
  const after = (): unknown => transport.subscriptions.at(-1)!.request.variables.after;
  const cut = (): void => transport.subscriptions.at(-1)!.sink.error(new NetworkError("cut"));

  it("tells of a gap after an interruption, and resumes after what was read then", async () => {
    let read: (position: string) => void = () => {};
    let gaps = 0;
    const gap = (): Promise<string> => {
      gaps++;
      return new Promise((resolve) => (read = resolve));
    };
    client.follow(EVENTS, { next: () => {}, gap });
    assert.deepEqual([after(), gaps], [null, 0]);
    cut();
    await passTime(() => gaps === 1);
    assert.equal(transport.subscriptions.length, 1);
    read(cursor(7));
    await until(() => transport.subscriptions.length === 2);
    assert.equal(after(), cursor(7));
  });

  it("asks for its start when it starts, and is live before the first item", async () => {
    let start: string | null = cursor(3);
    const statuses: string[] = [];
    const subscription = client.follow(EVENTS, {
      after: () => start,
      next: () => {},
      statusChanged: () => statuses.push(subscription.status),
    });
    assert.equal(after(), cursor(3));
    transport.subscriptions[0]!.sink.connected!();
    start = cursor(4);
    cut();
    await passTime(() => transport.subscriptions.length === 2);
    assert.equal(after(), cursor(4));
    assert.deepEqual(statuses, ["live", "interrupted"]);
  });

  it("tells of a gap once it is connected again if it can't resume", async () => {
    let gaps = 0;
    client.follow(EVENTS, { canResume: false, next: () => {}, gap: () => gaps++ });
    cut();
    await passTime(() => transport.subscriptions.length === 2);
    assert.equal(gaps, 0);
    transport.subscriptions[1]!.sink.connected!();
    assert.equal(gaps, 1);
  });

  it("goes on after an error of the application", async () => {
    const reported: unknown[] = [];
    const original = console.error;
    console.error = (error) => reported.push(error);
    const next = (): never => {
      throw new Error("a defect");
    };
    client.follow(EVENTS, { next });
    const event = { ticketEvents: { cursor: cursor(5), ticket: ticket(1) } };
    transport.subscriptions[0]!.sink.next({ data: event });
    console.error = original;
    cut();
    await passTime(() => transport.subscriptions.length === 2);
    assert.deepEqual([after(), String(reported)], [cursor(5), "Error: a defect"]);
  });

  it("shows that it waits for a new session", async () => {
    const [one, two] = [0, 1].map(() => client.follow(EVENTS, { next: () => {} }));
    transport.subscriptions[0]!.sink.error(new NetworkError("cut"));
    assert.equal(one!.status, "interrupted");
    transport.subscriptions[1]!.sink.error(new SessionExpiredError("expired"));
    assert.deepEqual([one!.status, two!.status], ["signed-out", "signed-out"]);
  });

  it("tells that the person has signed in again in another tab", async () => {
    let renewals = 0;
    browser.open(transport, {}, undefined, { onSessionRenewed: () => renewals++ });
    client.sessionRenewed();
    await until(() => renewals === 1);
  });
});

describe("a closed client", () => {
  it("starts nothing again", async () => {
    const subscription = client.follow(EVENTS, { next: () => {} });
    client.close();
    transport.subscriptions[0]!.sink.complete();
    browser.clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(subscription.status, "closed");
    assert.deepEqual([transport.subscriptions.length, browser.clock.waiting], [1, 0]);
  });

  it("sends no unsent reply, which the next client sends", async () => {
    answers = [new NetworkError("offline")];
    await client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    await until(() => transport.requests.length === 1);
    client.close();
    browser.clock.advance(3_600_000);
    const next = new TestTransport(() => ({
      data: { replyToTicket: { cursor: cursor(5), userErrors: [] } },
    }));
    browser.open(next);
    await until(() => next.requests.length === 1);
    assert.equal(transport.requests.length, 1);
  });
});
