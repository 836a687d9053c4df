// The focus never falls back to the page: if the control that has it goes away or is disabled, the
// nearest area around it that can take the focus gets it.
import { on } from "svelte/events";

/** Areas for the focus that are no control themselves. */
const AREAS = '[tabindex="-1"]';

/** Keep the focus in its area, from an effect. Returns a function that ends this. */
export function keepFocus(): () => void {
  let control: Element | null = null;
  let areas: HTMLElement[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function note(event: FocusEvent): void {
    control = event.target as Element;
    areas = [];
    for (let each = control.parentElement; each !== null; each = each.parentElement) {
      if (each.matches(AREAS)) areas.push(each);
    }
  }

  function check(): void {
    if (control === null || document.activeElement !== document.body) return;
    const isGone = !control.isConnected || control.matches(":disabled");
    control = null; // otherwise the person has left it
    if (isGone) areas.find((each) => each.isConnected)?.focus();
  }

  /** After what the page does itself for the focus. */
  function checkLater(): void {
    clearTimeout(timer);
    timer = setTimeout(check);
  }

  const observer = new MutationObserver(checkLater);
  observer.observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });
  const stops = [on(document, "focusin", note), on(document, "focusout", checkLater)];
  return () => {
    for (const stop of stops) stop();
    observer.disconnect();
    clearTimeout(timer);
  };
}
