// The keys of the commands: those that a person has chosen, otherwise the first ones. They are kept
// in this browser. Keys without Ctrl can be turned off (WCAG 2.1.4).
import { COMMAND_IDS, COMMANDS, type CommandId } from "./command-list";

const SINGLE_KEYS = "ticketwire-single-keys";
const CHOSEN_KEYS = "ticketwire-keys";

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

  /** Give a command another key. Returns the command that has this key already, and changes nothing. */
  change(id: CommandId, keys: string): CommandId | null {
    const signs = meaningOf(keys);
    const other = COMMAND_IDS.find(
      (each) => each !== id && this.keysOf(each).some((its) => meaningOf(its) === signs),
    );
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
