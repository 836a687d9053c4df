// A form whose mutation is sent once at a time, with the reason if it fails.
import type { TadaDocumentNode } from "gql.tada";
import { messageOf } from "../api";
import { execute } from "../execute";

interface Payload {
  readonly userErrors: ReadonlyArray<{ readonly message: string }>;
}

export class Form {
  isBusy = $state(false);
  error = $state("");

  /** Run a mutation. Returns its payload, or null if it has failed; then `error` has the reason. */
  async send<Result extends Payload, Input>(
    document: TadaDocumentNode<{ result: Result | null }, { input: Input }, void>,
    input: Input,
  ): Promise<Result | null> {
    if (this.isBusy) return null;
    this.isBusy = true;
    this.error = "";
    try {
      const { result } = await execute(document, { input });
      this.error = result?.userErrors[0]?.message ?? "";
      return this.error ? null : result;
    } catch (failure) {
      this.error = messageOf(failure);
      return null;
    } finally {
      this.isBusy = false;
    }
  }
}
