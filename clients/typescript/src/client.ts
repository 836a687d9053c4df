import { Account, storageName } from "./account.js";
import type { Clock } from "./clock.js";
import { gql, prepare } from "./document.js";
import type { Operation, TypedDocument, Variables } from "./document.js";
import { Drafts } from "./drafts.js";
import { follow } from "./follow.js";
import type { FollowOptions } from "./follow.js";
import { LiveList } from "./live-list.js";
import type { LiveListOptions } from "./live-list.js";
import { isRepeatable, payloadOf, requireFields } from "./mutation.js";
import type { Payload } from "./mutation.js";
import { Operations } from "./operations.js";
import type { QueryResult } from "./operations.js";
import type { Patches } from "./optimistic.js";
import { Outbox } from "./outbox.js";
import type { OutboxEntry, SentDraft } from "./outbox-entry.js";
import { browserPlatform, whenAwake } from "./platform.js";
import type { Platform } from "./platform.js";
import { Query } from "./query.js";
import { Recovery } from "./recovery.js";
import { openStorage } from "./storage.js";
import type { Storage } from "./storage.js";
import { Store } from "./store.js";
import type { Subscription, SubscriptionServices } from "./subscription.js";
import { Tabs } from "./tabs.js";
import type { TabMessage } from "./tabs.js";
import type { Transport } from "./transport.js";
import { WebTransport } from "./web-transport.js";
import type { WebTransportOptions } from "./web-transport.js";

const MAX_ATTEMPTS = 5;

export interface ClientOptions extends WebTransportOptions {
  /**
   * The id of the user, or of the API client. Drafts and tabs of others stay apart. Unsent replies
   * wait until the session is one of this account.
   */
  readonly account: string;
  /** Called when the server no longer accepts the session. Sign in, then call `sessionRenewed`. */
  readonly onSessionExpired?: () => void;
  /** Called when the person has signed in again in another tab: nobody needs to do it here. */
  readonly onSessionRenewed?: () => void;
  /** Parts of the platform, which tests replace. Undefined parts are not used. */
  readonly platform?: Platform;
}

/** The connection of an application to Ticketwire, with the store of all that it has received. */
export class TicketwireClient {
  readonly store: Store;
  readonly drafts: Drafts;
  readonly outbox: Outbox;
  private readonly clock: Clock;
  private readonly platform: Platform;
  private readonly transport: Transport;
  private readonly recovery: Recovery;
  private readonly tabs: Tabs;
  private readonly account: Account;
  private readonly storage: Promise<Storage>;
  private readonly operations: Operations;
  private readonly queries = new Set<Query<unknown>>();
  private readonly services: SubscriptionServices;
  private readonly stopWaking: () => void;

  constructor(private readonly options: ClientOptions) {
    this.platform = options.platform ?? browserPlatform();
    this.clock = this.platform.clock;
    this.store = new Store(() => this.clock.now());
    this.recovery = new Recovery(this.clock);
    const reconnected = (): void => this.refetchAll();
    this.transport =
      this.platform.createTransport?.(reconnected) ??
      new WebTransport(options, this.clock, reconnected);
    const { locks, openChannel, indexedDB } = this.platform;
    const name = storageName(options.url, options.account);
    const expire = (): void => this.sessionExpired();
    this.account = new Account(options.account, this.transport, expire);
    this.tabs = new Tabs(name, locks, openChannel, (message) => this.receiveFromTab(message));
    this.services = {
      transport: this.transport,
      recovery: this.recovery,
      clock: this.clock,
      sessionExpired: expire,
      subscriptions: new Set(),
    };
    this.operations = new Operations({
      ...this.services,
      store: this.store,
      share: (records, freshness) => this.tabs.post({ type: "records", records, freshness }),
    });
    this.storage = openStorage(indexedDB, name);
    this.drafts = new Drafts(
      this.storage,
      () => this.clock.now(),
      () => this.tabs.post({ type: "drafts-changed" }),
    );
    this.outbox = new Outbox({
      storage: this.storage,
      clock: this.clock,
      recovery: this.recovery,
      verifyAccount: () => this.account.verify(),
      send: (entry) => this.sendEntry(entry),
      exclusively: (run) => this.tabs.exclusively("outbox", run),
      notifyOtherTabs: () => this.tabs.post({ type: "outbox-changed" }),
      draftsChanged: () => {
        this.drafts.notify();
        this.tabs.post({ type: "drafts-changed" });
      },
    });
    this.stopWaking = whenAwake(this.platform, () => this.retryNow());
    void this.outbox.send(); // what an earlier page has left
  }

  /** Tries everything that was interrupted again now. `whenAwake` calls it. */
  retryNow(): void {
    this.transport.check();
    this.recovery.wake();
  }

  /** Whether drafts and unsent replies survive the page. */
  get isPersistent(): Promise<boolean> {
    return this.storage.then((storage) => storage.isPersistent);
  }

  /** Reads a query once. Its records are stored. */
  async query<Result, Input>(
    document: TypedDocument<Result, Input>,
    variables?: Input,
  ): Promise<Result> {
    const once = { maxAttempts: () => MAX_ATTEMPTS, isShown: () => false };
    const values = (variables ?? {}) as Variables;
    const { data } = await this.operations.query(prepare(document), values, once);
    return data as Result;
  }

  /** Reads a query, and follows all changes of its records that this client receives. */
  watch<Result, Input>(document: TypedDocument<Result, Input>, variables?: Input): Query<Result> {
    let isOpen = true;
    const options = { maxAttempts: () => (isOpen ? Infinity : 0), isShown: () => isOpen };
    const fetch = (operation: Operation, values: Variables): Promise<QueryResult> =>
      this.operations.query(operation, values, options);
    const input = (variables ?? {}) as Variables;
    const query: Query<Result> = new Query<Result>(
      { store: this.store, fetch },
      document,
      input,
      (keys) => {
        isOpen = false;
        this.queries.delete(query);
        const used = new Set([...this.queries].flatMap((each) => each.rootKeys));
        this.store.forgetQuery(keys.filter((key) => !used.has(key)));
      },
    );
    this.queries.add(query);
    return query;
  }

  /** Opens a live list of tickets. */
  liveList<Ticket extends object, Input = Variables>(
    options: LiveListOptions<Ticket, Input>,
  ): LiveList<Ticket, Input> {
    return new LiveList(this.store, this.services, options);
  }

  /** Follows any other subscription, and resumes it after its last cursor. */
  follow<Result extends object, Input>(
    document: TypedDocument<Result, Input>,
    options: FollowOptions<Result, Input>,
  ): Subscription {
    return follow(this.store, this.services, document, options);
  }

  /**
   * Executes a mutation, and shows its expected effect at once.
   *
   * It is repeated after an interruption only if its input has an `idempotencyKey`. The expected
   * effect is taken back if the mutation fails or returns user errors.
   * @param variables A function is called at once; the mutation is sent when its result is there.
   * @returns The data, also if its payload has user errors.
   * @throws TypeError if the document does not select `userErrors`, and `cursor` if there is an
   *   expected effect.
   */
  async mutate<Result extends object, Input>(
    document: TypedDocument<Result, Input>,
    variables: Input | (() => Promise<Input>),
    optimistic: Patches = {},
  ): Promise<Result> {
    const operation = prepare(document);
    const hasEffect = Object.keys(optimistic).length > 0;
    requireFields(operation, hasEffect ? ["userErrors", "cursor"] : ["userErrors"]);
    const change = this.store.change(optimistic);
    try {
      const values = await (variables instanceof Function ? variables() : variables);
      const attempts = isRepeatable(values) ? MAX_ATTEMPTS : 1;
      const data = await this.operations.mutate(operation, values as Variables, attempts);
      const { cursor, userErrors } = payloadOf(data);
      if (userErrors?.length || cursor == null) this.store.rollBack(change);
      else this.store.confirm(change, cursor);
      return data as Result;
    } catch (error) {
      this.store.rollBack(change);
      throw error;
    }
  }

  /**
   * Stores a mutation in the outbox, and sends it as soon as possible, exactly once.
   *
   * @param draft The draft that it sends, which is deleted in the same step: what `drafts.save`
   *   has returned, or only its key if no other tab may have changed it.
   * @throws TypeError if the document does not select `userErrors` and `cursor`.
   */
  async send<Result, Input extends { readonly input: object }>(
    document: TypedDocument<Result, Input>,
    input: Input["input"],
    draft?: string | SentDraft,
  ): Promise<OutboxEntry> {
    const operation = prepare(document);
    requireFields(operation, ["userErrors", "cursor"]);
    return this.outbox.add(operation.text, input as Record<string, unknown>, draft);
  }

  /**
   * Continues after the person has signed in again.
   *
   * @param account The id of the user who has signed in.
   * @throws TypeError if it is another one. Close this client then, and open one of that person.
   */
  sessionRenewed(account: string = this.options.account): void {
    if (account !== this.options.account)
      throw new TypeError(`this client belongs to ${this.options.account}, not to ${account}`);
    this.tabs.post({ type: "session-renewed" });
    this.resume();
  }

  /**
   * Closes the client, and deletes the drafts and unsent replies of this person in this browser.
   * Call it after signing out, if the person has chosen it.
   */
  async forget(): Promise<void> {
    const storage = await this.storage;
    this.drafts.close();
    await storage.clear();
    this.tabs.post({ type: "outbox-changed" });
    this.tabs.post({ type: "drafts-changed" });
    this.close();
  }

  /** Ends all subscriptions and the connection. Unsent replies are sent by the next client. */
  close(): void {
    this.stopWaking();
    for (const subscription of [...this.services.subscriptions]) subscription.close();
    this.recovery.close();
    void this.outbox.close().then(async () => (await this.storage).close());
    this.tabs.close();
    this.transport.close();
  }

  private async sendEntry({ document, variables }: OutboxEntry): Promise<Payload> {
    return payloadOf(await this.operations.mutateOnce(prepare(gql(document)), variables));
  }

  /**
   * Reads everything that is shown again: no subscription tells what has changed during an
   * interruption.
   */
  private refetchAll(): void {
    // It shows the error itself.
    for (const query of this.queries) void query.refetch().catch(() => undefined);
  }

  private sessionExpired(): void {
    if (this.recovery.isPaused) return;
    this.account.forgetSession();
    this.recovery.pause();
    for (const subscription of this.services.subscriptions) subscription.sessionExpired();
    this.transport.disconnect();
    this.options.onSessionExpired?.();
  }

  private resume(): void {
    this.account.forgetSession();
    this.recovery.resume();
    // If somebody else has signed in, everything stops again.
    void this.account.verify().catch(() => undefined);
  }

  private receiveFromTab(message: TabMessage): void {
    switch (message.type) {
      case "records":
        return this.store.write({ root: {}, records: message.records }, message.freshness);
      case "outbox-changed":
        return this.outbox.takeOver();
      case "drafts-changed":
        return this.drafts.notify();
      case "session-renewed":
        this.resume();
        return this.options.onSessionRenewed?.();
    }
  }
}
