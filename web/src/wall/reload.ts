// When the page reloads itself, because the server has another version.
const KEY = "ticketwire-wall-reload";
/** While servers of two versions take turns, the page reloads no more often. */
const MIN_INTERVAL_MS = 300_000;

/** Whether to reload now. It notes that, so that a server that keeps the old page causes no loop. */
export function shouldReload(
  own: string,
  server: string,
  storage: Pick<Storage, "getItem" | "setItem">,
  nowMs: number,
): boolean {
  if (!server || own === server) return false;
  try {
    const last = Number(storage.getItem(KEY) ?? -Infinity);
    if (nowMs - last < MIN_INTERVAL_MS && nowMs >= last) return false;
    storage.setItem(KEY, String(nowMs));
    return true;
  } catch {
    return false; // without the storage, nothing would stop a loop
  }
}
