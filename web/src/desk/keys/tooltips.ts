import { COMMANDS, type CommandId } from "./command-list";
import { keySettings } from "./key-settings.svelte";

/** The tooltip of a button that runs a command: its title, and its key. */
export function tooltip(id: CommandId): string {
  return keySettings.withKey(COMMANDS[id].title(), id);
}
