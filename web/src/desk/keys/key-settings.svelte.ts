// The keys of the commands: those that a person has chosen, otherwise the first ones. They are kept
// in this browser. Keys without Ctrl can be turned off (WCAG 2.1.4).
import { COMMAND_IDS, COMMANDS, type CommandId } from "./command-list";

const SINGLE_KEYS = "ticketwire-single-keys";
const CHOSEN_KEYS = "ticketwire-keys";
/** Keys that press buttons, follow links, send texts and move the focus. */
const RESERVED = /(^|\+)(Enter|Space|Tab)$/;

type Chosen = Readonly<Partial<Record<CommandId, string>>>;

function readChosen(): Chosen {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(CHOSEN_KEYS) ?? "{}");
    const entries = Object.entries(found ?? {}).filter(
      ([id, keys]) => Object.hasOwn(COMMANDS, id) && typeof keys === "string" && keys !== "",
    );
    return Object.fromEntries(entries) as Chosen;
  } catch {
    return {};
  }
}

class KeySettings {
  private enabled = $state(localStorage.getItem(SINGLE_KEYS) !== "off");
  private chosen = $state.raw<Chosen>(readChosen());

  /** Whether keys without Ctrl work. */
  get hasSingleKeys(): boolean {
    return this.enabled;
  }

  set hasSingleKeys(value: boolean) {
    this.enabled = value;
    localStorage.setItem(SINGLE_KEYS, value ? "on" : "off");
  }

  get isChanged(): boolean {
    return Object.keys(this.chosen).length > 0;
  }

  keysOf(id: CommandId): readonly string[] {
    const chosen = this.chosen[id];
    return chosen === undefined ? COMMANDS[id].keys : [chosen];
  }

  /** The keys that work now. */
  activeKeysOf(id: CommandId): readonly string[] {
    return this.keysOf(id).filter((keys) => this.enabled || !isSingle(keys));
  }

  /** A text with the key of a command that works now, for its tooltip: "New ticket (c)". */
  withKey(text: string, id: CommandId): string {
    const [keys] = this.activeKeysOf(id);
    return keys === undefined ? text : `${text} (${keyText(keys)})`;
  }

  /**
   * Give a command another key. Changes nothing if the key is not free: returns the command that has
   * it, or that begins with it, or "reserved" if the key acts on what has the focus.
   */
  change(id: CommandId, keys: string): CommandId | "reserved" | null {
    if (RESERVED.test(keys)) return "reserved";
    const signs = meaningOf(keys);
    const isTaken = (its: string): boolean => `${meaningOf(its)} `.startsWith(`${signs} `);
    const other = COMMAND_IDS.find((each) => each !== id && this.keysOf(each).some(isTaken));
    if (other === undefined) this.store({ ...this.chosen, [id]: keys });
    return other ?? null;
  }

  reset(): void {
    this.store({});
  }

  private store(chosen: Chosen): void {
    this.chosen = chosen;
    localStorage.setItem(CHOSEN_KEYS, JSON.stringify(chosen));
  }
}

/** Whether keys need neither Ctrl nor Alt. Escape leaves what is open, so it always works. */
function isSingle(keys: string): boolean {
  return !keys.includes("$mod") && !keys.includes("Alt+") && keys !== "Escape";
}

function meaningOf(keys: string): string {
  return keys.replaceAll("[Shift]+", "").toLowerCase();
}

/** The keys of an event in the notation of tinykeys; null for Shift, Ctrl and the like alone. */
export function keysOfEvent(event: KeyboardEvent): string | null {
  if (["Shift", "Control", "Alt", "Meta", "AltGraph", "Dead"].includes(event.key)) return null;
  const isSign = event.key.length === 1 && event.key.toUpperCase() === event.key.toLowerCase();
  const shift = isSign ? "[Shift]+" : event.shiftKey ? "Shift+" : "";
  const key = event.key === " " ? "Space" : event.key;
  const modifier = event.ctrlKey || event.metaKey ? "$mod+" : "";
  return `${modifier}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** Keys as a person reads them: "Ctrl+k" or "g i". */
export function keyText(keys: string): string {
  return keys.replaceAll("[Shift]+", "").replaceAll("$mod", IS_MAC ? "⌘" : "Ctrl");
}

export const keySettings = new KeySettings();
