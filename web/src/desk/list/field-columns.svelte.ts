// The custom fields that a list can have as columns.
import type { TicketwireClient } from "@ticketwire/client";
import { FIND_FIELDS } from "../ticket-documents";

interface ListedField {
  readonly key: string;
  readonly label: string;
}

export class FieldColumns {
  /** The active custom fields, as of the last reading. Columns of other fields are not shown. */
  known = $state.raw<readonly ListedField[]>([]);

  constructor(private readonly client: TicketwireClient) {}

  /** Read the fields. After a failure, those that were read before remain. */
  read(): void {
    this.client.query(FIND_FIELDS, {}).then(
      ({ customFields }) => (this.known = customFields.nodes),
      () => undefined,
    );
  }
}
