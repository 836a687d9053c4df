// The keys of the desk. Single keys can be turned off (WCAG 2.1.4).

const SETTING = "ticketwire-single-keys";

export const KEYS: readonly (readonly [keys: string, action: string])[] = [
  ["j k", "Next and previous ticket"],
  ["Enter o", "Open the ticket"],
  ["Escape", "Back to the list"],
  ["r", "Write a reply"],
  ["n", "Write an internal note"],
  ["a", "Take: assign the ticket to me"],
  ["e", "Resolve the ticket"],
  [".", "Show what is new in the list"],
  ["Ctrl Enter", "Send what you write"],
  ["?", "Show these keys"],
];

class KeySetting {
  private enabled = $state(localStorage.getItem(SETTING) !== "off");

  get isOn(): boolean {
    return this.enabled;
  }

  set isOn(value: boolean) {
    this.enabled = value;
    localStorage.setItem(SETTING, value ? "on" : "off");
  }
}

export const singleKeys = new KeySetting();

/** The key of an event that no control uses itself; null for others. */
export function commandOf(event: KeyboardEvent): string | null {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.isComposing || document.querySelector("dialog[open]") !== null) return null;
  const target = event.target as HTMLElement;
  if (target.closest("input, textarea, select") !== null) return null;
  if (event.key === "Enter" || event.key === "Escape") return event.key;
  return singleKeys.isOn ? event.key : null;
}

/** Whether an event asks to send a text: Ctrl Enter, or Cmd Enter on a Mac. */
export function isSendKey(event: KeyboardEvent): boolean {
  return event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing;
}
