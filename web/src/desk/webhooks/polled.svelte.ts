// What a page reads again while a person watches it. A failure keeps the last value.
import { messageOf, RequestError } from "../../shared/api";

export class Polled<T> {
  value = $state.raw<T | null>(null);
  error = $state("");
  isForbidden = $state(false);
  private latest = 0;

  constructor(private readonly read: () => Promise<T>) {}

  /** Read it now. Only the latest reading counts. */
  async refresh(): Promise<void> {
    const turn = ++this.latest;
    try {
      const value = await this.read();
      if (turn !== this.latest) return;
      this.value = value;
      this.error = "";
    } catch (failure) {
      if (turn !== this.latest) return;
      this.isForbidden = failure instanceof RequestError && failure.code === "FORBIDDEN";
      this.error = messageOf(failure);
    }
  }

  /** Show a value that a mutation has returned. A reading under way may be older. */
  set(value: T): void {
    this.latest++;
    this.value = value;
    this.error = "";
  }
}

/**
 * Run a task now, and then again and again while the page is visible, from an effect. The next wait
 * begins when the task has ended. Returns a function that ends this.
 */
export function repeat(task: () => Promise<void>, everyMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;

  async function run(): Promise<void> {
    clearTimeout(timer);
    if (!document.hidden) await task();
    clearTimeout(timer);
    if (!isEnded) timer = setTimeout(() => void run(), everyMs);
  }

  const runAgain = (): void => {
    if (!document.hidden) void run();
  };
  document.addEventListener("visibilitychange", runAgain);
  void run();
  return () => {
    isEnded = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", runAgain);
  };
}
