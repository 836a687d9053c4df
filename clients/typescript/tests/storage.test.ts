import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NetworkError } from "../src/index.js";
import { openStorage } from "../src/storage.js";
import { REPLY, TestBrowser, TestTransport, until } from "./support.js";

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

describe("IndexedDB", () => {
  /** A factory that remembers what it has opened. */
  function observe(opened: IDBDatabase[]): IDBFactory {
    const open = (name: string, version: number): IDBOpenDBRequest => {
      const request = browser.indexedDB.open(name, version);
      request.addEventListener("success", () => opened.push(request.result));
      return request;
    };
    return { open } as unknown as IDBFactory;
  }

  it("is opened again after the browser has closed it", async () => {
    const opened: IDBDatabase[] = [];
    const storage = await openStorage(observe(opened), "test");
    opened[0]!.close();
    await Promise.all([storage.write({ drafts: { a: { n: 1 } } }), storage.readAll("outbox")]);
    assert.deepEqual(await storage.read("drafts", "a"), { n: 1 });
    storage.close();
    await assert.rejects(storage.read("drafts", "a"), { name: "InvalidStateError" });
  });

  it("is closed with the client, after what it was asked to store", async () => {
    const opened: IDBDatabase[] = [];
    const client = browser.open(offline(), { indexedDB: observe(opened) });
    assert.equal(await client.isPersistent, true);
    const entry = client.send(REPLY, { ticketId: "tkt_1", body: "hello" });
    client.close();
    assert.equal((await entry).state, "waiting");
    await until(() => {
      try {
        return !opened[0]!.transaction("drafts");
      } catch {
        return true;
      }
    });
  });

  it("is not waited for if it never answers", async () => {
    const silent = { open: () => ({}) } as unknown as IDBFactory;
    const storage = await openStorage(silent, "test");
    assert.equal(storage.isPersistent, false);
  });
});
