// The client of the API that all parts of a page share.
import { TicketwireClient } from "@ticketwire/client";
import { getContext, setContext } from "svelte";
import { goToSignIn } from "../api";
import { WatchedSocket } from "./connection.svelte";
import { serverTime } from "../time/server-time.svelte";

const KEY = Symbol("client");

/** A client for the signed-in user. `account` is the id of this user. */
export function openClient(account: string): TicketwireClient {
  return new TicketwireClient({
    url: "/graphql",
    account,
    fetch: serverTime.fetch,
    webSocket: WatchedSocket,
    onSessionExpired: goToSignIn,
  });
}

export function provideClient(client: TicketwireClient): void {
  setContext(KEY, client);
}

export function useClient(): TicketwireClient {
  return getContext<TicketwireClient>(KEY);
}
