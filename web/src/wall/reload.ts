// When the page reloads itself, because the server has another version.
import { request } from "./request";

const KEY = "ticketwire-wall-reload";
/** While servers of two versions take turns, the page reloads no more often. */
const MIN_INTERVAL_MS = 300_000;

/** Whether the server has another version, and the page has not reloaded itself lately. */
export function isReloadDue(
  own: string,
  server: string,
  storage: Pick<Storage, "getItem">,
  nowMs: number,
): boolean {
  if (!server || own === server) return false;
  try {
    const last = Number(storage.getItem(KEY) ?? -Infinity);
    return nowMs - last >= MIN_INTERVAL_MS || nowMs < last;
  } catch {
    return false; // without the storage, nothing would stop a loop
  }
}

/** Note that the page reloads itself now. False if that can't be noted. */
export function noteReload(storage: Pick<Storage, "setItem">, nowMs: number): boolean {
  try {
    storage.setItem(KEY, String(nowMs));
    return true;
  } catch {
    return false;
  }
}

/** Whether the server sends the page of this version. During an update a proxy may send an error
    page instead, from which no screen would come back. */
export async function hasPage(version: string): Promise<boolean> {
  try {
    const response = await request(location.pathname);
    return response.ok && (await response.text()).includes(version);
  } catch {
    return false;
  }
}
