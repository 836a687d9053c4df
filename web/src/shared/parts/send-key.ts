/** The keys that send a text, in the notation of tinykeys. */
export const SEND_KEY = "$mod+Enter";

/** Whether an event asks to send a text: Ctrl Enter, or Cmd Enter on a Mac. */
export function isSendKey(event: KeyboardEvent): boolean {
  return event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing;
}
