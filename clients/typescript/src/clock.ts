/** Time and chance. Tests replace them. */
export interface Clock {
  /** Returns the time in milliseconds since 1970. */
  now(): number;
  /** Returns a number from 0 to 1, without 1. */
  random(): number;
  /** Calls a function after some milliseconds. Returns a function that cancels this. */
  schedule(callback: () => void, milliseconds: number): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  schedule(callback, milliseconds) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
