// The views with their live counts. If the counts fail, the views stay.
import type { Subscription, TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import { uniqueById } from "../parts/unique";
import { VIEW_COUNTS, VIEWS, type StoredView } from "./documents";
import { ALL_OPEN, savedView, type View } from "./views";

export class SavedViews {
  all = $state.raw<readonly View[]>([ALL_OPEN]);
  /** Whether the saved views have arrived, or can't be read. */
  hasArrived = $state(false);
  /** Why the counts are not live; empty if they are. */
  error = $state("");
  private counts: Subscription | undefined;

  constructor(
    private readonly client: TicketwireClient,
    private readonly changed: () => void,
  ) {
    this.start();
  }

  /** Follow the counts, also again after a failure. */
  start(): void {
    this.error = "";
    this.counts?.close();
    const counts = this.client.follow(VIEW_COUNTS, {
      canResume: false,
      next: ({ savedViewCounts }) =>
        this.show(savedViewCounts.counts.map(({ view, count }) => [view, count])),
      statusChanged: () => {
        if (counts.status === "failed") void this.fail(counts.error);
      },
    });
    this.counts = counts;
  }

  private async fail(error: Error | undefined): Promise<void> {
    this.error = messageOf(error);
    try {
      const { savedViews } = await this.client.query(VIEWS, {});
      this.show(savedViews.nodes.map((view) => [view, null]));
    } catch {
      this.hasArrived = true; // the error of the counts is shown already
      this.changed();
    }
  }

  private show(stored: readonly (readonly [StoredView, number | null])[]): void {
    const found = stored.map(([view, count]) => savedView(view, count));
    this.all = [ALL_OPEN, ...uniqueById(found.filter((each) => each !== null))];
    this.hasArrived = true;
    this.changed();
  }
}
