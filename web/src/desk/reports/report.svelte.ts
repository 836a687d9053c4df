// A report as it was read, and its volume, which is live while the report ends today.
import type { Subscription, TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import { serverTime } from "../../shared/time/server-time.svelte";
import { read } from "../parts/read";
import { LIVE_VOLUME, REPORT, type Group, type Report, type ReportVariables } from "./documents";
import { countDays, isLive, stepOf, type Settings } from "./settings";

export interface ReportData {
  readonly settings: Settings;
  readonly total: Group;
  /** By days or weeks. */
  readonly trend: readonly Group[];
  readonly report: Report;
  readonly readAt: Date;
}

export class ReportReader {
  data = $state.raw<ReportData | null>(null);
  error = $state("");
  isBusy = $state(false);
  /** The number of tickets by day; null if it is not followed. */
  volume = $state.raw<ReadonlyMap<string, number> | null>(null);
  private latest = 0;
  private subscription: Subscription | undefined;

  constructor(private readonly client: TicketwireClient) {}

  /** Read a report. Only the latest one counts. The last one stays until the new one has come. */
  async read(settings: Settings): Promise<void> {
    const turn = ++this.latest;
    this.isBusy = true;
    this.error = "";
    this.follow(settings);
    try {
      const variables = variablesOf(settings);
      // One after the other: each counts its tickets before, and a caller has a limited budget.
      const whole = (await read(REPORT, variables)).ticketReport;
      const trend = (await read(REPORT, { ...variables, groupBy: stepOf(settings) })).ticketReport;
      const report = (await read(REPORT, { ...variables, groupBy: settings.groupBy })).ticketReport;
      const [total] = whole.groups;
      if (turn !== this.latest || total === undefined) return;
      this.data = { settings, total, trend: trend.groups, report, readAt: new Date(serverTime.now) };
    } catch (failure) {
      if (turn === this.latest) this.error = messageOf(failure);
    } finally {
      if (turn === this.latest) this.isBusy = false;
    }
  }

  close(): void {
    this.latest++;
    this.subscription?.close();
  }

  private follow(settings: Settings): void {
    this.subscription?.close();
    this.volume = null;
    if (!isLive(settings, serverTime.now)) return;
    const { firstDay, lastDay, timeZone } = settings;
    const period = { last: countDays(firstDay, lastDay), timeZone };
    const subscription = this.client.follow(LIVE_VOLUME, {
      canResume: false,
      variables: { filter: variablesOf(settings).filter ?? null, period },
      next: ({ ticketStats }) =>
        (this.volume = new Map(ticketStats.groups.map(({ key, created }) => [key, created]))),
      statusChanged: () => {
        if (subscription.status === "failed") this.volume = null; // the report has the volume, too
      },
    });
    this.subscription = subscription;
  }
}

function variablesOf({ firstDay, lastDay, timeZone, team, category }: Settings): ReportVariables {
  const filter: NonNullable<ReportVariables["filter"]> = {};
  if (team) filter.team = { eq: team };
  if (category) filter.category = { eq: category };
  return { range: { firstDay, lastDay }, filter, timeZone };
}
