import { gql, prepare } from "./document.js";
import { SessionExpiredError, toError } from "./errors.js";
import type { Transport } from "./transport.js";

const VIEWER = gql("query { viewer { user { id } apiClient { id } } }");

interface Viewer {
  readonly user: { readonly id: string } | null;
  readonly apiClient: { readonly id: string } | null;
}

/** Makes sure that what one person has written is not sent in the session of another one. */
export class Account {
  private verified: Promise<void> | undefined;

  /**
   * @param id The id of the user, or of the API client.
   * @param sessionExpired Called if the session is not one of this account.
   */
  constructor(
    private readonly id: string,
    private readonly transport: Transport,
    private readonly sessionExpired: () => void,
  ) {}

  /**
   * Asks the server once per session whose it is.
   *
   * @throws SessionExpiredError if it is not one of this account.
   */
  verify(): Promise<void> {
    const verified = (this.verified ??= this.ask());
    verified.catch(() => {
      if (this.verified === verified) this.verified = undefined;
    });
    return verified;
  }

  /** Makes the next `verify` ask again, because the session may be another one. */
  forgetSession(): void {
    this.verified = undefined;
  }

  private async ask(): Promise<void> {
    const { text } = prepare(VIEWER);
    const { data, errors } = await this.transport.execute({ query: text, variables: {} });
    if (errors?.length || !data) throw toError(errors ?? "no data");
    const { viewer } = data as { viewer: Viewer | null };
    const id = viewer?.user?.id ?? viewer?.apiClient?.id;
    if (id === this.id) return;
    this.sessionExpired();
    throw new SessionExpiredError(`the session is not one of ${this.id}`);
  }
}

/** Returns the name of what one person keeps in this browser for one server. */
export function storageName(url: string, account: string): string {
  const { host } = new URL(url, globalThis.location?.href ?? "http://localhost");
  return `ticketwire:${host}:${account}`;
}
