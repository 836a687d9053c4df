import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NetworkError } from "../src/index.js";
import { openStorage } from "../src/storage.js";
import { REPLY, TestBrowser, TestTransport } from "./support.js";

let browser: TestBrowser;
beforeEach(() => (browser = new TestBrowser()));
afterEach(() => browser.close());

const offline = (): TestTransport =>
  new TestTransport(() => {
    throw new NetworkError("offline");
  });

for (const kind of ["IndexedDB", "memory"]) {
  describe(`storage in ${kind}`, () => {
    const factory = (): IDBFactory | undefined =>
      kind === "IndexedDB" ? browser.indexedDB : undefined;

    it("stores nothing of a change that has a value which can't be stored", async () => {
      const storage = await openStorage(factory(), "test");
      await storage.write({ drafts: { a: { body: "hello" } } });
      const changes = { drafts: { a: undefined }, outbox: { b: { send: () => {} } } };
      await assert.rejects(storage.write(changes), { name: "DataCloneError" });
      assert.deepEqual(await storage.read("drafts", "a"), { body: "hello" });
      storage.close();
    });

    it("keeps drafts and replies that are proxies of a framework", async () => {
      const client = browser.open(offline(), { indexedDB: factory() });
      const content = new Proxy({ body: "hello" }, {});
      await client.drafts.save("reply:tkt_1", content, 0);
      assert.deepEqual((await client.drafts.read("reply:tkt_1"))?.content, { body: "hello" });
      const input = { ticketId: "tkt_1", body: "hello", tags: new Proxy(["a"], {}) };
      await client.send(REPLY, new Proxy(input, {}), "reply:tkt_1");
      assert.deepEqual(client.outbox.entries[0]?.variables.input.tags, ["a"]);
      assert.equal(await client.drafts.read("reply:tkt_1"), undefined);
    });
  });
}
