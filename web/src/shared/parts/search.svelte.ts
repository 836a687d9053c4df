// What a picker finds for a text.
import { messageOf } from "../api";

const DELAY_MS = 150;

/** Whether a title has all words of a text, in any order. */
export function hasWords(title: string, text: string): boolean {
  const known = title.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => known.includes(word));
}

export class Search<T> {
  text = $state("");
  items = $state.raw<readonly T[]>([]);
  isSearching = $state(false);
  error = $state("");
  private timer: ReturnType<typeof setTimeout> | undefined;
  private latest = 0;

  constructor(private readonly find: (text: string) => Promise<readonly T[]>) {
    this.start(0);
  }

  /** Search for another text. Only the latest search counts. */
  search(text: string): void {
    this.text = text;
    this.start(DELAY_MS);
  }

  private start(delayMs: number): void {
    const turn = ++this.latest;
    this.error = "";
    this.isSearching = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(turn), delayMs);
  }

  private async run(turn: number): Promise<void> {
    try {
      const found = await this.find(this.text.trim());
      if (turn === this.latest) this.items = found;
    } catch (failure) {
      if (turn !== this.latest) return;
      this.items = []; // those of an earlier text are not what the person asked for
      this.error = messageOf(failure);
    } finally {
      if (turn === this.latest) this.isSearching = false;
    }
  }
}
