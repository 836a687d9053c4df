// The list of macros or people that a text asks for, while the person writes.
import { messageOf } from "../../shared/api";
import { findTrigger, type Trigger } from "./triggers";

export interface Suggestion {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  /** Returns the text that replaces what the person has typed. Rejects with the reason. */
  readonly choose: () => Promise<string> | string;
}

type Find = (search: string) => Promise<readonly Suggestion[]>;

export class Suggestions {
  trigger = $state.raw<Trigger | null>(null);
  items = $state.raw<readonly Suggestion[]>([]);
  activeIndex = $state(0);
  isLoading = $state(false);
  error = $state("");
  /** Where the person has closed the list. It stays closed there. */
  private dismissedStart = -1;
  private requests = 0;
  /** The search that is under way, or has ended. */
  private loading: Promise<void> = Promise.resolve();

  get active(): Suggestion | undefined {
    return this.items[this.activeIndex];
  }

  /** Follow the text and the caret. `kind` is what the text can ask for. */
  async update(kind: Trigger["kind"], text: string, caret: number, find: Find): Promise<void> {
    const trigger = findTrigger(kind, text, caret);
    if (trigger === null) this.dismissedStart = -1;
    if (trigger === null || trigger.start === this.dismissedStart) return this.close();
    const { search, start } = this.trigger ?? {};
    const isSame = search === trigger.search && start === trigger.start;
    this.trigger = trigger;
    if (!isSame) await (this.loading = this.load(trigger.search, find));
  }

  /**
   * The first item of the search that is under way; null if it finds nothing, undefined if it has
   * failed or the text has changed.
   */
  async whenFound(): Promise<Suggestion | null | undefined> {
    const request = this.requests;
    await this.loading;
    if (request !== this.requests || this.error !== "") return undefined;
    return this.active ?? null;
  }

  move(step: number): void {
    const { length } = this.items;
    if (length > 0) this.activeIndex = (this.activeIndex + step + length) % length;
  }

  dismiss(): void {
    this.dismissedStart = this.trigger?.start ?? -1;
    this.close();
  }

  close(): void {
    this.requests++;
    this.trigger = null;
    this.items = [];
    this.error = "";
    this.isLoading = false;
  }

  private async load(search: string, find: Find): Promise<void> {
    const request = ++this.requests;
    this.isLoading = true;
    this.error = "";
    try {
      const items = await find(search);
      if (request !== this.requests) return;
      this.items = items;
      this.activeIndex = 0;
    } catch (failure) {
      if (request !== this.requests) return;
      this.items = [];
      this.error = messageOf(failure);
    }
    this.isLoading = false;
  }
}
