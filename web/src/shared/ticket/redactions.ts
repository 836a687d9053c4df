// Texts that were removed. The server leaves these words in their place.
import { m } from "../messages";

const REMOVED = /\[(redacted|erased)\]/;
const TITLES = { redacted: m.shared_redacted, erased: m.shared_erased } as const;

/** Mark the places in an element from which a text was removed. */
export function markRedactions(element: HTMLElement): void {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) found.push(walker.currentNode as Text);
  for (const text of found) markText(text);
}

function markText(text: Text): void {
  const match = REMOVED.exec(text.data);
  if (match === null) return;
  const removed = text.splitText(match.index);
  const rest = removed.splitText(match[0].length);
  const mark = document.createElement("mark");
  mark.textContent = TITLES[match[1] as keyof typeof TITLES]();
  removed.replaceWith(mark);
  markText(rest);
}
