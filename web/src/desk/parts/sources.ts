import { createSubscriber } from "svelte/reactivity";

interface Source {
  subscribe(listener: () => void): () => void;
}

/** Makes an object of the client readable in components, which run again after its changes. */
export function readable<T extends Source>(source: T): () => T {
  const subscribe = createSubscriber((update) => source.subscribe(update));
  return () => {
    subscribe();
    return source;
  };
}

/** A random key that makes a mutation safe to repeat. */
export function createKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
