// What a person can do now. Parts of the page offer commands while they are shown; keys, the palette
// and buttons run them.
import { untrack } from "svelte";
import { tinykeys } from "tinykeys";
import { COMMAND_IDS, type CommandId } from "./command-list";
import { keySettings } from "./key-settings.svelte";

type Handlers = Partial<Record<CommandId, () => void>>;

interface Offer {
  readonly handlers: Handlers;
  readonly rank: number;
}

class Commands {
  private offers: readonly Offer[] = [];
  /** The number of changes of `offers`. That is no state itself: a function that ends an effect would
   * read the value that it had before the change that ends the effect. */
  private changes = $state(0);

  /** The commands that can be run now, in the order of their list. */
  readonly available = $derived.by(() => {
    void this.changes;
    return COMMAND_IDS.filter((id) => this.find(id) !== undefined);
  });

  /**
   * Offer commands until the returned function is called.
   *
   * @param rank Of several offers of a command, the one with the highest rank counts, and of these
   *   the latest.
   */
  offer(handlers: Handlers, rank = 0): () => void {
    const offer = { handlers, rank };
    this.change([...this.offers, offer]);
    return () => this.change(this.offers.filter((each) => each !== offer));
  }

  /** Run a command, if it is offered. Returns whether it is. */
  run(id: CommandId): boolean {
    const handler = this.find(id);
    handler?.();
    return handler !== undefined;
  }

  private change(offers: readonly Offer[]): void {
    this.offers = offers;
    untrack(() => this.changes++); // an effect that offers commands does not depend on others
  }

  private find(id: CommandId): (() => void) | undefined {
    const found = this.offers.filter((each) => each.handlers[id] !== undefined);
    const rank = Math.max(...found.map((each) => each.rank));
    return found.findLast((each) => each.rank === rank)?.handlers[id];
  }
}

export const commands = new Commands();

const OVERLAYS = "dialog[open], :popover-open, [role=menu]";
const TEXT_FIELDS = "input:not([type=checkbox]), textarea, select";

/**
 * Run commands by their keys, from an effect. Returns a function that ends this.
 *
 * The keys of all commands are bound, and the offer is looked up when a key is pressed. Otherwise a
 * change of the offers between the keys of a sequence would forget its first key.
 */
export function listenToKeys(): () => void {
  const bindings: Record<string, (event: KeyboardEvent) => void> = {};
  for (const id of COMMAND_IDS) {
    for (const keys of keySettings.activeKeysOf(id)) {
      bindings[keys] = (event) => {
        if (commands.run(id)) event.preventDefault();
      };
    }
  }
  return tinykeys(window, bindings, { ignore: isUsedElsewhere });
}

/** Whether a control, a dialog or a menu uses the event itself. */
function isUsedElsewhere(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing) return true;
  if (document.querySelector(OVERLAYS) !== null) return true;
  const isText = (event.target as HTMLElement).closest(TEXT_FIELDS) !== null;
  return isText && !(event.ctrlKey || event.metaKey);
}
