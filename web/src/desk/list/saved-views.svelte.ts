// The views with their live counts. If the counts fail, the views stay.
import type { Subscription, TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import { createKey } from "@ticketwire/client";
import { uniqueById } from "../../shared/parts/unique";
import {
  CREATE_VIEW,
  DELETE_VIEW,
  OPEN_COUNT,
  UPDATE_VIEW,
  VIEW_COUNTS,
  VIEWS,
  type NewView,
  type StoredView,
  type ViewChange,
} from "./documents";
import { ALL_OPEN, savedView, type View } from "./views";

interface SavedViewPayload {
  readonly savedView: StoredView | null;
  readonly userErrors: readonly { readonly message: string }[];
}

export class SavedViews {
  all = $derived.by((): readonly View[] => [{ ...ALL_OPEN, count: this.openCount }, ...this.saved]);
  private openCount = $state<number | null>(null);
  private saved = $state.raw<readonly View[]>([]);
  /** Whether the saved views have arrived, or can't be read. */
  hasArrived = $state(false);
  /** Why the counts are not live; empty if they are. */
  error = $state("");
  private counts: Subscription | undefined;
  private openTickets: Subscription | undefined;

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
    this.openTickets?.close();
    const openTickets = this.client.follow(OPEN_COUNT, {
      canResume: false,
      variables: { filter: ALL_OPEN.filter },
      next: ({ ticketStats }) => (this.openCount = ticketStats.total),
      statusChanged: () => {
        if (openTickets.status !== "failed") return;
        this.error = messageOf(openTickets.error);
        this.openCount = null;
      },
    });
    this.openTickets = openTickets;
  }

  /** Create a view. Returns its id. Throws an error with the server's reason if it is refused. */
  async create(input: NewView): Promise<string> {
    const variables = { input: { ...input, idempotencyKey: createKey() } };
    const payload = (await this.client.mutate(CREATE_VIEW, variables)).createSavedView;
    return this.take(payload).id;
  }

  /** Change a view. Throws an error with the server's reason if it is refused. */
  async update(view: StoredView, change: ViewChange): Promise<void> {
    const variables = { input: { viewId: view.id, expectedVersion: view.version, ...change } };
    this.take((await this.client.mutate(UPDATE_VIEW, variables)).updateSavedView);
  }

  async delete({ id, version }: StoredView): Promise<void> {
    const variables = { input: { viewId: id, expectedVersion: version } };
    const payload = (await this.client.mutate(DELETE_VIEW, variables)).deleteSavedView;
    const [error] = payload?.userErrors ?? [];
    if (error) throw new Error(error.message);
    this.saved = this.saved.filter((each) => each.id !== id);
    this.changed();
  }

  /** The views of the same people, in their order. */
  groupOf({ audience, team }: StoredView): readonly StoredView[] {
    const stored = this.all.map((each) => each.stored).filter((each) => each !== null);
    return stored.filter((each) => each.audience === audience && each.team?.id === team?.id);
  }

  /** Move a view up or down among those of the same people. */
  async move(view: StoredView, step: 1 | -1): Promise<void> {
    const group = [...this.groupOf(view)];
    const index = group.findIndex((each) => each.id === view.id);
    const [other] = group.splice(index + step, 1, view);
    if (other === undefined) return;
    group[index] = other;
    for (const [position, each] of group.entries()) {
      if (each.position !== position) await this.update(each, { position });
    }
  }

  /** Show what a mutation has returned, before the subscription tells it. */
  private take(payload: SavedViewPayload | null): StoredView {
    const [error] = payload?.userErrors ?? [];
    const stored = payload?.savedView;
    if (error || !stored) throw new Error(error?.message ?? "");
    const known = this.all.find((each) => each.id === stored.id);
    const view = savedView(stored, known?.count ?? null);
    if (view !== null) {
      this.saved = known
        ? this.saved.map((each) => (each.id === view.id ? view : each))
        : [...this.saved, view];
    }
    this.changed();
    return stored;
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
    this.saved = uniqueById(found.filter((each) => each !== null));
    this.hasArrived = true;
    this.changed();
  }
}
