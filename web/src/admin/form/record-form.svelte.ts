// The state of a form: the values, what has changed, and the errors beside their fields.
import { messageOf } from "../../shared/api";
import { m } from "../../shared/messages";
import type { Field, Values } from "../base/field";
import type { Outcome, Question, Row, Section } from "../base/section";
import { createKey } from "../base/values";

const INVALID_VALUE = /invalid value at \.(\w+)[^ ]*: (.+)/s;

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export class RecordForm<R extends Row> {
  values = $state.raw<Values>({});
  /** By the names of fields. */
  errors = $state.raw<Readonly<Record<string, string>>>({});
  /** What belongs to no field. */
  error = $state("");
  /** Whether somebody else has changed the record since it was read. */
  isStale = $state(false);
  isBusy = $state(false);
  isSaved = $state(false);
  record = $state.raw<R | null>(null);
  private initial = $state("");
  /** The same for repetitions of a creation, so that a lost response does not create it twice. */
  private idempotencyKey = createKey();
  /** Suggested values that the person has changed. */
  private readonly touched = new Set<string>();

  constructor(
    private readonly section: Section<R>,
    record: R | null,
  ) {
    this.reset(record);
  }

  /** Show a record as the server has it, or an empty form. */
  reset(record: R | null): void {
    this.record = record;
    this.values = record === null ? this.section.blank() : this.section.read(record);
    this.initial = JSON.stringify(this.values);
    this.errors = {};
    this.error = "";
    this.isStale = false;
    this.touched.clear();
  }

  /**
   * Show a record as the server has it now. What the person has changed and not saved stays. If the
   * same field has changed on the server, the form is stale.
   */
  update(record: R): void {
    const before = JSON.parse(this.initial) as Values;
    const after = this.section.read(record);
    const isDisputed = Object.keys(after).some(
      (name) => !isEqual(this.values[name], before[name]) && !isEqual(after[name], before[name]),
    );
    if (isDisputed) this.isStale = true;
    else this.merge(record, before);
  }

  /** Take the values of a record, apart from those that differ from `before`. */
  private merge(record: R, before: Values): void {
    const after = this.section.read(record);
    const values = Object.entries(after).map(([name, value]): [string, unknown] => {
      const own = this.values[name];
      return [name, isEqual(own, before[name]) ? value : own];
    });
    this.record = record;
    this.initial = JSON.stringify(after);
    this.values = Object.fromEntries(values);
  }

  readonly isChanged = $derived(JSON.stringify(this.values) !== this.initial);

  get fields(): readonly Field[] {
    return this.section.fields.filter(
      (each) => !(each.isNewOnly && this.record !== null) && (each.isShown?.(this.values) ?? true),
    );
  }

  set(name: string, value: unknown): void {
    this.isSaved = false;
    this.idempotencyKey = createKey();
    this.touched.add(name);
    const values: Record<string, unknown> = { ...this.values, [name]: value };
    if (this.record === null) {
      for (const each of this.section.fields) {
        const suggest = "suggest" in each ? each.suggest : undefined;
        if (suggest?.from === name && !this.touched.has(each.name)) {
          values[each.name] = suggest.by(String(value));
        }
      }
    }
    this.values = values;
    if (name in this.errors) {
      this.errors = Object.fromEntries(Object.entries(this.errors).filter(([key]) => key !== name));
    }
  }

  /** What must be asked before the values are saved. */
  get question(): Question | null {
    if (this.record === null) return null;
    return this.section.question?.(this.record, this.values) ?? null;
  }

  /** Send the values. Returns the record as it is stored; null if it is not. */
  async save(): Promise<R | null> {
    if (this.isBusy) return null;
    this.isBusy = true;
    this.errors = {};
    this.error = "";
    this.isSaved = false;
    const sent = this.values;
    try {
      const { record, errors } = await this.send();
      if (errors.length > 0) this.show(errors);
      else if (record !== null) {
        this.isStale = false;
        this.merge(record, sent); // the person may have typed since then
        this.isSaved = !this.isChanged;
        return record;
      }
    } catch (failure) {
      this.showFailure(messageOf(failure));
    } finally {
      this.isBusy = false;
    }
    return null;
  }

  private send(): Promise<Outcome<R>> {
    const input = this.section.toInput(this.values);
    const { record } = this;
    if (record === null) {
      if (this.section.create === undefined) throw new Error(m.shared_failed());
      return this.section.create({ ...input, idempotencyKey: this.idempotencyKey }, this.values);
    }
    const before = this.section.toInput(JSON.parse(this.initial) as Values);
    const changes = Object.entries(input).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]),
    );
    return this.section.change(record, Object.fromEntries(changes));
  }

  /** A value that is not of its type, such as a wrong date, fails the operation and names its place. */
  private showFailure(message: string): void {
    const [, name, reason] = INVALID_VALUE.exec(message) ?? [];
    if (name && reason && this.fields.some((each) => each.name === name)) this.errors = { [name]: reason };
    else this.error = message;
  }

  private show(errors: Outcome<R>["errors"]): void {
    const names = new Set(this.fields.map((each) => each.name));
    const found: Record<string, string> = {};
    const others: string[] = [];
    for (const { code, field, message } of errors) {
      const name = field?.find((each) => names.has(each));
      if (code === "STALE_VERSION") this.isStale = true;
      else if (name === undefined) others.push(message);
      else found[name] ??= message;
    }
    this.errors = found;
    this.error = others.join(" ");
  }
}
