// Whether a person can see the page, for components that run again after a change.
import { createSubscriber } from "svelte/reactivity";
import { on } from "svelte/events";

const subscribe = createSubscriber((update) => on(document, "visibilitychange", update));

export function isPageHidden(): boolean {
  subscribe();
  return document.hidden;
}
