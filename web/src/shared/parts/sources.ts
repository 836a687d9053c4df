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
