// The bulk changes that this page has started, with their progress.
import { createKey, type Subscription, type TicketwireClient } from "@ticketwire/client";
import { messageOf } from "../../shared/api";
import {
  BULK_UPDATE,
  CANCEL_JOB,
  JOB_CHANGED,
  JOB_ERRORS,
  UNDO_JOB,
  type BulkInput,
  type Job,
  type RefusedTicket,
} from "./bulk-documents";

interface Payload {
  readonly job: Job | null;
  readonly userErrors: readonly { readonly message: string }[];
}

/** One bulk change. Its undo takes its place. */
export class BulkJob {
  readonly key = createKey();
  job = $state.raw<Job | null>(null);
  refused = $state.raw<readonly RefusedTicket[]>([]);
  /** What went wrong with the job as a whole. */
  error = $state("");
  /** Whether a response is awaited. */
  isBusy = $state(false);
  private progress: Subscription | undefined;

  constructor(
    private readonly client: TicketwireClient,
    /** What it does, in words. */
    readonly title: string,
  ) {}

  get isRunning(): boolean {
    return this.job?.status === "WAITING" || this.job?.status === "RUNNING";
  }

  get isUndo(): boolean {
    return this.job?.kind === "UNDO_JOB";
  }

  start(input: Omit<BulkInput, "idempotencyKey">): Promise<void> {
    return this.attempt(async () => {
      const variables = { input: { ...input, idempotencyKey: this.key } };
      return (await this.client.mutate(BULK_UPDATE, variables)).bulkUpdateTickets;
    });
  }

  undo(): Promise<void> {
    const jobId = this.job?.id ?? "";
    return this.attempt(async () => {
      const variables = { input: { jobId, idempotencyKey: `undo-${this.key}` } };
      return (await this.client.mutate(UNDO_JOB, variables)).undoJob;
    });
  }

  cancel(): Promise<void> {
    const jobId = this.job?.id ?? "";
    return this.attempt(
      async () => (await this.client.mutate(CANCEL_JOB, { input: { jobId } })).cancelJob,
    );
  }

  close(): void {
    this.progress?.close();
  }

  private async attempt(send: () => Promise<Payload | null>): Promise<void> {
    this.isBusy = true;
    this.error = "";
    try {
      const payload = await send();
      const [error] = payload?.userErrors ?? [];
      if (error) this.error = error.message;
      else if (payload?.job) this.follow(payload.job);
    } catch (failure) {
      this.error = messageOf(failure);
    } finally {
      this.isBusy = false;
    }
  }

  private follow(job: Job): void {
    this.close();
    this.job = job;
    this.refused = [];
    const progress = this.client.follow(JOB_CHANGED, {
      variables: { id: job.id },
      canResume: false,
      isLogCursor: false,
      next: ({ jobChanged }) => {
        this.job = jobChanged;
        if (this.isRunning) return;
        this.close(); // it does not change any more
        if (jobChanged.failed > 0) void this.readRefused(jobChanged.id);
      },
      statusChanged: () => {
        if (progress.status === "failed") this.error = messageOf(progress.error);
      },
    });
    this.progress = progress;
  }

  private async readRefused(id: string): Promise<void> {
    try {
      const { job } = await this.client.query(JOB_ERRORS, { id });
      if (this.job?.id === id) this.refused = job?.errors.nodes ?? [];
    } catch (failure) {
      this.error = messageOf(failure);
    }
  }
}

export class BulkJobs {
  /** The newest first. */
  all = $state.raw<readonly BulkJob[]>([]);

  constructor(private readonly client: TicketwireClient) {}

  async start(title: string, input: Omit<BulkInput, "idempotencyKey">): Promise<void> {
    const started = new BulkJob(this.client, title);
    const kept = this.all.filter((each) => each.isRunning || each.isBusy);
    for (const each of this.all) if (!kept.includes(each)) each.close();
    this.all = [started, ...kept];
    await started.start(input);
  }

  close(job: BulkJob): void {
    job.close();
    this.all = this.all.filter((each) => each !== job);
  }
}
