/** Reports an error of the application as one that nobody has caught, and goes on. */
export function reportError(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}

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
      for (const listener of [...this.functions]) {
        try {
          listener();
        } catch (error) {
          reportError(error); // the others are called all the same
        }
      }
    });
  }
}
