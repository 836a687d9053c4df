/** Functions that are called after a change. */
export class Listeners {
  private readonly functions = new Set<() => void>();
  private isScheduled = false;

  /** Adds a function. Returns a function that removes it. */
  add(listener: () => void): () => void {
    const own = (): void => listener();
    this.functions.add(own);
    return () => this.functions.delete(own);
  }

  /** Calls all functions once, after the current step, however often it is called in between. */
  notify(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      for (const listener of [...this.functions]) listener();
    });
  }
}
