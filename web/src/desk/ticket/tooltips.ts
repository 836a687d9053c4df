import { COMMANDS, type CommandId } from "../shell/command-list";
import { keySettings, keyText } from "../shell/key-settings.svelte";

/** The tooltip of a button that runs a command: its title, and its key. */
export function tooltip(id: CommandId): string {
  const keys = keySettings.keysOf(id)[0];
  const title = COMMANDS[id].title();
  return keys === undefined ? title : `${title} (${keyText(keys)})`;
}
