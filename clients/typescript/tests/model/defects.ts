// Plants defects in copies of the package, one at a time, and shows that the model check finds
// each:
// node build/tests/model/defects.js [runs] [part of a name]
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface Defect {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly replacement: string;
}

const DEFECTS: readonly Defect[] = [
  {
    name: "older data replaces newer data",
    file: "store.js",
    text: "if (!isNewer(stamp, known.stamp))",
    replacement: "if (false)",
  },
  {
    name: "the version is ignored, so only cursors decide",
    file: "cursor.js",
    text: "if (areVersionsKnown && candidate.version !== current.version)",
    replacement: "if (false)",
  },
  {
    name: "cursors are ignored, so only versions decide",
    file: "cursor.js",
    text: "return candidate.cursor > current.cursor;",
    replacement: "return true;",
  },
  {
    name: "a value without version has that of the value which it replaces",
    file: "cursor.js",
    text: "version: newer.version,",
    replacement: "version: newer.version ?? older.version,",
  },
  {
    name: "the order of requests is ignored",
    file: "cursor.js",
    text: "if (candidate.sentAt > current.receivedAt)",
    replacement: "if (false)",
  },
  {
    name: "a list that was read before a read mark makes the ticket unread again",
    file: "cursor.js",
    text: "if (areVersionsKnown && candidate.isFinal !== current.isFinal)",
    replacement: "if (false)",
  },
  {
    name: "a ticket stays read although it has changed",
    file: "cursor.js",
    text: "if (areVersionsKnown && candidate.version !== current.version)",
    replacement:
      "if (candidate.isFinal !== current.isFinal) return candidate.isFinal;\n    if (areVersionsKnown && candidate.version !== current.version)",
  },
  {
    name: "a rejected value does not raise the cursor of the stored one",
    file: "store.js",
    text: "known.stamp = mergeStamps(known.stamp, stamp);",
    replacement: "",
  },
  {
    name: "a response without a cursor is as current as what the store has",
    file: "operations.js",
    text: "cursor: laterCursor(begun.cursor, cursor ?? LOG_START)",
    replacement: "cursor: cursor ?? undefined",
  },
  {
    name: "a failed mutation is not rolled back",
    file: "client.js",
    text: "catch (error) {\n            this.store.rollBack(change);",
    replacement: "catch (error) {",
  },
  {
    name: "a refused mutation is not rolled back",
    file: "client.js",
    text: "if (userErrors?.length || cursor == null)",
    replacement: "if (cursor === undefined)",
  },
  {
    name: "an optimistic change ends with the response instead of its cursor",
    file: "client.js",
    text: "this.store.confirm(change, cursor);",
    replacement: "this.store.rollBack(change);",
  },
  {
    name: "an optimistic change does not wait for the list",
    file: "store.js",
    text: "list.hasReached(id, cursor)",
    replacement: "true",
  },
  {
    name: "a newer value ends an optimistic change before its mutation has ended",
    file: "optimistic.js",
    text: "if (change.confirmedAt === undefined)\n            return false;",
    replacement:
      "if (change.confirmedAt === undefined) return (this.cursorOf(id, key) ?? '') > '0000000000000008';",
  },
  {
    name: "REMOVED is forgotten",
    file: "membership.js",
    text: "return this.ids.delete(id);",
    replacement: "return false;",
  },
  {
    name: "GAP is ignored: the snapshot is added to the old members",
    file: "membership.js",
    text: "this.ids = this.snapshot ?? new Set();",
    replacement: "for (const id of this.snapshot ?? []) this.ids.add(id);",
  },
  {
    name: "an interrupted snapshot is continued by the next one",
    file: "membership.js",
    text: "this.snapshot = undefined;\n        this.lastCursor = this.cursor;",
    replacement: "this.lastCursor = this.cursor;",
  },
  {
    name: "the list resumes after a cursor whose changes have not all arrived",
    file: "membership.js",
    text: "this.lastIds.add(id);",
    replacement: "this.lastIds.add(id); this.cursor = cursor;",
  },
  {
    name: "items of an ended connection are applied",
    file: "subscription.js",
    text: "next: (response) => isCurrent() && ",
    replacement: "next: (response) => ",
  },
  {
    name: "a lost cursor is sent again",
    file: "live-list.js",
    text: "this.membership.isComplete ? this.membership.cursor : null",
    replacement: "this.membership.isComplete ? this.membership.cursor.replace(/.$/, 'f') : null",
  },
  {
    name: "a repetition has a new idempotency key",
    file: "outbox.js",
    text: "await this.services.send(entry)",
    replacement:
      "await this.services.send({ ...entry, variables: { input: { ...entry.variables.input, idempotencyKey: `${Math.random()}` } } })",
  },
  {
    name: "an unsent reply is forgotten after a network error",
    file: "outbox.js",
    text: "if (isErrorOfAllEntries(error)) {",
    replacement: "if (isErrorOfAllEntries(error)) { await this.discard(entry.key);",
  },
  {
    name: "a reference to a record that is known only partly hides what refers to it",
    file: "store.js",
    text: "if (value !== undefined)\n            this.current",
    replacement: "this.current",
  },
  {
    name: "a query is not read again if it refers to a record that is known only partly",
    file: "query.js",
    text: "void this.refetch().catch(() => undefined); // the error is in `error`\n    }\n    async",
    replacement: "}\n    async",
  },
  {
    name: "requests of one query overlap",
    file: "query.js",
    text: "this.next ??= this.running",
    replacement: "return this.fetchOnce(); this.next ??= this.running",
  },
];

const BUILD = resolve(import.meta.dirname, "../..");

async function findDefect(defect: Defect, runs: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "ticketwire-defect-"));
  try {
    await cp(BUILD, join(folder, "build"), { recursive: true });
    await symlink(join(BUILD, "../node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "package.json"), '{"type":"module"}');
    const path = join(folder, "build/src", defect.file);
    const source = await readFile(path, "utf8");
    const parts = source.split(defect.text);
    if (parts.length !== 2)
      throw new Error(`${defect.file} has the text of "${defect.name}" ${parts.length - 1} times`);
    await writeFile(path, parts.join(defect.replacement));
    return await firstFailure(join(folder, "build/tests/model/main.js"), runs);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function firstFailure(program: string, runs: string): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [program, runs, "1"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("close", (code) =>
      done(code ? (/Error: (seed \d+.*)/.exec(output)?.[1] ?? output.slice(0, 200)) : undefined),
    );
  });
}

const runs = process.argv[2] ?? "5000";
let missed = 0;
for (const defect of DEFECTS.filter((each) => each.name.includes(process.argv[3] ?? ""))) {
  const failure = await findDefect(defect, runs);
  console.log(failure ? `found   ${defect.name}: ${failure}` : `MISSED  ${defect.name}`);
  if (!failure) missed++;
}
process.exit(missed ? 1 : 0);
