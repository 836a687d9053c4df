/** A table of objects by key. */
export type TableName = "drafts" | "outbox";

/** Changes that are stored together: an object per table and key, or undefined to delete it. */
export type Changes = Partial<Record<TableName, Readonly<Record<string, object | undefined>>>>;

/** Storage that survives the page. */
export interface Storage {
  readAll<T>(table: TableName): Promise<T[]>;
  read<T>(table: TableName, key: string): Promise<T | undefined>;
  /**
   * Stores all changes or none. With `condition`, stores them only if it returns true for the
   * object that the table has under the key at that moment. Returns whether they were stored.
   */
  write(changes: Changes, condition?: Condition): Promise<boolean>;
  /** Deletes everything. */
  clear(): Promise<void>;
  close(): void;
}

export interface Condition {
  readonly table: TableName;
  readonly key: string;
  readonly holds: (current: object | undefined) => boolean;
}

const TABLES: readonly TableName[] = ["drafts", "outbox"];

/** Opens IndexedDB storage, or storage in memory if the browser refuses it. */
export async function openStorage(factory: IDBFactory | undefined, name: string): Promise<Storage> {
  if (!factory) return new MemoryStorage();
  try {
    return new IndexedDbStorage(await openDatabase(factory, name));
  } catch {
    return new MemoryStorage(); // private windows of some browsers have no IndexedDB
  }
}

function openDatabase(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  const request = factory.open(name, 1);
  request.onupgradeneeded = () => {
    for (const table of TABLES) request.result.createObjectStore(table);
  };
  return toPromise(request);
}

function toPromise<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

class IndexedDbStorage implements Storage {
  constructor(private readonly database: IDBDatabase) {
    // Another tab with a newer version of the application may change the tables.
    database.onversionchange = () => database.close();
  }

  readAll<T>(table: TableName): Promise<T[]> {
    return toPromise(this.database.transaction(table).objectStore(table).getAll()) as Promise<T[]>;
  }

  read<T>(table: TableName, key: string): Promise<T | undefined> {
    return toPromise(this.database.transaction(table).objectStore(table).get(key)) as Promise<
      T | undefined
    >;
  }

  write(changes: Changes, condition?: Condition): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(TABLES, "readwrite");
      let isStored = true;
      transaction.oncomplete = () => resolve(isStored);
      transaction.onerror = transaction.onabort = () =>
        reject(transaction.error ?? new Error("IndexedDB failed"));
      const store = (): void => {
        try {
          for (const [table, key, value] of listChanges(changes)) {
            if (value === undefined) transaction.objectStore(table).delete(key);
            else transaction.objectStore(table).put(value, key);
          }
        } catch (error) {
          reject(error as Error); // a value that can't be cloned: nothing is stored
          transaction.abort();
        }
      };
      if (!condition) return store();
      const request = transaction.objectStore(condition.table).get(condition.key);
      request.onsuccess = () => {
        isStored = condition.holds(request.result as object | undefined);
        if (isStored) store();
      };
    });
  }

  clear(): Promise<void> {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(TABLES, "readwrite");
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () =>
        reject(transaction.error ?? new Error("IndexedDB failed"));
      for (const table of TABLES) transaction.objectStore(table).clear();
    });
  }

  close(): void {
    this.database.close();
  }
}

type Change = readonly [table: TableName, key: string, value: object | undefined];

function listChanges(changes: Changes): Change[] {
  return TABLES.flatMap((table) =>
    Object.entries(changes[table] ?? {}).map(([key, value]): Change => [table, key, value]),
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

  async write(changes: Changes, condition?: Condition): Promise<boolean> {
    if (condition && !condition.holds(this.tables[condition.table].get(condition.key)))
      return false;
    for (const [table, key, value] of structuredClone(listChanges(changes))) {
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
