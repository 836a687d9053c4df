/** A table of objects by key. */
type TableName = "drafts" | "outbox";

/** Changes that are stored together: an object per table and key, or undefined to delete it. */
export type Changes = Partial<Record<TableName, Readonly<Record<string, object | undefined>>>>;

/** Storage that survives the page. */
export interface Storage {
  /** Whether it does: storage in memory does not. */
  readonly isPersistent: boolean;
  readAll<T>(table: TableName): Promise<T[]>;
  read<T>(table: TableName, key: string): Promise<T | undefined>;
  /**
   * Stores all changes or none. With `condition`, stores them only if it returns true for the
   * object that the table has under the key at that moment. Returns whether they were stored.
   *
   * @param changes The changes, or a function that returns them for that object.
   */
  write(changes: Changes | ChangesOf, condition?: Condition): Promise<boolean>;
  /** Deletes everything. */
  clear(): Promise<void>;
  close(): void;
}

type ChangesOf = (current: object | undefined) => Changes;

interface Condition {
  readonly table: TableName;
  readonly key: string;
  readonly holds: (current: object | undefined) => boolean;
}

const TABLES: readonly TableName[] = ["drafts", "outbox"];
/** Some browsers never answer if their profile is damaged. */
const OPEN_TIMEOUT_MS = 5_000;

/** Opens IndexedDB storage, or storage in memory if the browser refuses it. */
export async function openStorage(factory: IDBFactory | undefined, name: string): Promise<Storage> {
  if (!factory) return new MemoryStorage();
  const open = (): Promise<IDBDatabase> => openDatabase(factory, name);
  try {
    return new IndexedDbStorage(await open(), open);
  } catch {
    return new MemoryStorage(); // private windows of some browsers have no IndexedDB
  }
}

function openDatabase(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  const request = factory.open(name, 1);
  request.onupgradeneeded = () => {
    for (const table of TABLES) request.result.createObjectStore(table);
  };
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new Error("IndexedDB does not answer"));
    }, OPEN_TIMEOUT_MS);
    toPromise(request)
      .then((database) => (isLate ? database.close() : resolve(database)), reject)
      .finally(() => clearTimeout(timer));
  });
}

function toPromise<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

class IndexedDbStorage implements Storage {
  readonly isPersistent = true;
  private isClosed = false;

  constructor(
    private database: IDBDatabase,
    private readonly open: () => Promise<IDBDatabase>,
  ) {
    this.watch(database);
  }

  private watch(database: IDBDatabase): void {
    // Another tab may delete the database, or have a newer version of the application. The next
    // use opens it again.
    database.onversionchange = () => database.close();
  }

  /** Does something with the database, and once more if the browser has closed it. */
  private async use<T>(run: (database: IDBDatabase) => Promise<T>): Promise<T> {
    const { database } = this;
    try {
      return await run(database);
    } catch (error) {
      if ((error as Error).name !== "InvalidStateError" || this.isClosed) throw error;
      if (this.database === database) {
        const opened = await this.open();
        if (this.database === database) this.watch((this.database = opened));
        else opened.close();
      }
      return run(this.database);
    }
  }

  readAll<T>(table: TableName): Promise<T[]> {
    return this.use((database) =>
      toPromise<T[]>(database.transaction(table).objectStore(table).getAll()),
    );
  }

  read<T>(table: TableName, key: string): Promise<T | undefined> {
    return this.use((database) =>
      toPromise<T | undefined>(database.transaction(table).objectStore(table).get(key)),
    );
  }

  write(changes: Changes | ChangesOf, condition?: Condition): Promise<boolean> {
    return this.use(async (database) => {
      let isStored = true;
      await transact(database, (transaction) => {
        const store = (current?: object): void => {
          for (const [table, key, value] of listChanges(changes, current)) {
            if (value === undefined) transaction.objectStore(table).delete(key);
            else transaction.objectStore(table).put(value, key);
          }
        };
        if (!condition) return store();
        const request = transaction.objectStore(condition.table).get(condition.key);
        request.onsuccess = () => {
          const current = request.result as object | undefined;
          isStored = condition.holds(current);
          if (isStored) attempt(transaction, () => store(current));
        };
      });
      return isStored;
    });
  }

  clear(): Promise<void> {
    return this.use((database) =>
      transact(database, (transaction) => {
        for (const table of TABLES) transaction.objectStore(table).clear();
      }),
    );
  }

  close(): void {
    this.isClosed = true;
    this.database.close();
  }
}

const failures = new WeakMap<IDBTransaction, unknown>();

/** Runs a function, and takes back its whole transaction if it throws. */
function attempt(transaction: IDBTransaction, run: () => void): void {
  try {
    run();
  } catch (error) {
    failures.set(transaction, error); // for example a value that can't be cloned
    transaction.abort();
  }
}

function transact(
  database: IDBDatabase,
  run: (transaction: IDBTransaction) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLES, "readwrite");
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () =>
      reject(failures.get(transaction) ?? transaction.error ?? new Error("IndexedDB failed"));
    attempt(transaction, () => run(transaction));
  });
}

type Change = readonly [table: TableName, key: string, value: object | undefined];

function listChanges(changes: Changes | ChangesOf, current: object | undefined): Change[] {
  const tables = typeof changes === "function" ? changes(current) : changes;
  return TABLES.flatMap((table) =>
    Object.entries(tables[table] ?? {}).map(([key, value]): Change => [table, key, value]),
  );
}

/**
 * Returns a copy that can be stored. Objects that the browser can't clone, such as the proxies of
 * frameworks, are copied as JSON.
 */
export function storable<T>(value: T): T {
  try {
    return structuredClone(value);
  } catch {
    return JSON.parse(JSON.stringify(value)) as T;
  }
}

class MemoryStorage implements Storage {
  readonly isPersistent = false;
  private readonly tables: Record<TableName, Map<string, object>> = {
    drafts: new Map(),
    outbox: new Map(),
  };

  readAll<T>(table: TableName): Promise<T[]> {
    return Promise.resolve([...this.tables[table].values()] as T[]);
  }

  read<T>(table: TableName, key: string): Promise<T | undefined> {
    return Promise.resolve(this.tables[table].get(key) as T | undefined);
  }

  async write(changes: Changes | ChangesOf, condition?: Condition): Promise<boolean> {
    const current = condition && this.tables[condition.table].get(condition.key);
    if (condition && !condition.holds(current)) return false;
    for (const [table, key, value] of structuredClone(listChanges(changes, current))) {
      if (value === undefined) this.tables[table].delete(key);
      else this.tables[table].set(key, value);
    }
    return true;
  }

  async clear(): Promise<void> {
    for (const table of TABLES) this.tables[table].clear();
  }

  close(): void {}
}
