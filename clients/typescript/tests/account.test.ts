import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NetworkError, SessionExpiredError } from "../src/index.js";
import { REPLY, TestBrowser, TestTransport, until } from "./support.js";

let browser: TestBrowser;
let transport: TestTransport;
let fails: Error | undefined;
beforeEach(() => {
  browser = new TestBrowser();
  fails = undefined;
  transport = new TestTransport(() => {
    if (fails) throw fails;
    return { data: { replyToTicket: { cursor: "000000000000000a", userErrors: [] } } };
  });
});
afterEach(() => browser.close());

const input = { ticketId: "tkt_1", body: "hello" };

describe("an unsent reply", () => {
  it("is not sent in the session of another person, who has signed in after an expiry", async () => {
    fails = new SessionExpiredError("expired");
    let expirations = 0;
    const client = browser.open(transport, {}, () => expirations++);
    await client.send(REPLY, input);
    await until(() => transport.requests.length === 1 && expirations === 1);
    fails = undefined;
    transport.viewer = "usr_2";
    client.sessionRenewed();
    await until(() => expirations === 2);
    assert.equal(transport.requests.length, 1);
    transport.viewer = "usr_1";
    client.sessionRenewed("usr_1");
    await until(() => transport.requests.length === 2);
    await until(() => client.outbox.entries[0]?.state === "sent");
  });

  for (const viewer of ["usr_2", null]) {
    it(`of an earlier page is not sent in the session of ${viewer ?? "nobody"}`, async () => {
      fails = new NetworkError("offline");
      const first = browser.open(transport);
      await first.send(REPLY, input);
      await until(() => transport.requests.length === 1);
      first.close();
      fails = undefined;
      transport.viewer = viewer;
      let expirations = 0;
      const second = browser.open(transport, {}, () => expirations++);
      await until(() => expirations === 1);
      assert.equal(transport.requests.length, 1);
      assert.equal(second.outbox.entries[0]?.state, "waiting");
    });
  }

  it("stays on the server for which it was written", async () => {
    fails = new NetworkError("offline");
    const first = browser.open(transport, {}, undefined, { url: "https://a.test/graphql" });
    await first.send(REPLY, input);
    const second = browser.open(transport, {}, undefined, { url: "https://b.test/graphql" });
    await second.outbox.load();
    assert.deepEqual(second.outbox.entries, []);
  });
});

describe("a client", () => {
  it("refuses the session of another person", () => {
    const client = browser.open(transport);
    assert.throws(() => client.sessionRenewed("usr_2"), TypeError);
  });

  it("deletes drafts and unsent replies when the person signs out", async () => {
    fails = new NetworkError("offline");
    const [client, other] = [browser.open(transport), browser.open(transport)];
    await client.drafts.save("note:tkt_1", "secret", 0);
    await client.send(REPLY, input);
    await until(() => other.outbox.entries.length === 1);
    await client.forget();
    await until(() => other.outbox.entries.length === 0);
    const next = browser.open(transport);
    await next.outbox.load();
    assert.deepEqual([next.outbox.entries, await next.drafts.readAll()], [[], []]);
    await assert.rejects(client.drafts.save("note:tkt_2", "written while the page ends", 0));
  });
});
