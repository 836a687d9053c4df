// What a person can do now. Parts of the page offer commands while they are shown; keys, the palette
// and buttons run them.
import { untrack } from "svelte";
import { tinykeys } from "tinykeys";
import { COMMAND_IDS, type CommandId } from "./command-list";
import { keySettings } from "./key-settings.svelte";

type Handlers = Partial<Record<CommandId, () => void>>;

class Commands {
  private offers: readonly Handlers[] = [];
  /** The number of changes of `offers`. That is no state itself: a function that ends an effect would
   * read the value that it had before the change that ends the effect. */
  private changes = $state(0);

  /** The commands that can be run now, in the order of their list. */
  readonly available = $derived.by(() => {
    void this.changes;
    return COMMAND_IDS.filter((id) => this.find(id) !== undefined);
  });

  /** Offer commands until the returned function is called. The latest offer of a command counts. */
  offer(handlers: Handlers): () => void {
    this.change([...this.offers, handlers]);
    return () => this.change(this.offers.filter((each) => each !== handlers));
  }

  run(id: CommandId): void {
    this.find(id)?.();
  }

  private change(offers: readonly Handlers[]): void {
    this.offers = offers;
    untrack(() => this.changes++); // an effect that offers commands does not depend on others
  }

  private find(id: CommandId): (() => void) | undefined {
    return this.offers.findLast((each) => each[id] !== undefined)?.[id];
  }
}

export const commands = new Commands();

const OVERLAYS = "dialog[open], :popover-open, [role=menu]";
const TEXT_FIELDS = "input:not([type=checkbox]), textarea, select";

/** Run commands by their keys, from an effect. Returns a function that ends this. */
export function listenToKeys(): () => void {
  const bindings: Record<string, (event: KeyboardEvent) => void> = {};
  for (const id of commands.available) {
    for (const keys of keySettings.keysOf(id)) {
      if (!keySettings.hasSingleKeys && isSingle(keys)) continue;
      bindings[keys] = (event) => {
        event.preventDefault();
        commands.run(id);
      };
    }
  }
  return tinykeys(window, bindings, { ignore: isUsedElsewhere });
}

/** Whether keys need neither Ctrl nor Alt. Escape leaves what is open, so it always works. */
function isSingle(keys: string): boolean {
  return !keys.includes("$mod") && !keys.includes("Alt+") && keys !== "Escape";
}

/** Whether a control, a dialog or a menu uses the event itself. */
function isUsedElsewhere(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing) return true;
  if (document.querySelector(OVERLAYS) !== null) return true;
  const isText = (event.target as HTMLElement).closest(TEXT_FIELDS) !== null;
  return isText && !(event.ctrlKey || event.metaKey);
}
