import type { Api, Reply } from "../../scripts/api.ts";

const MAX = 20;

/** A pull worker that reports until it is answered, and keeps the ids whose outcome was recorded as its own. */
export class PullWorker {
  readonly recorded: string[] = [];
  readonly #api: Api;
  readonly #queue: string;
  readonly #name: string;
  #running = true;

  constructor(api: Api, queue: string, name: string) {
    this.#api = api;
    this.#queue = queue;
    this.#name = name;
  }

  stop(): void {
    this.#running = false;
  }

  async run(): Promise<void> {
    while (this.#running) {
      // A claim whose answer was lost is not repeated as such: its leases run out.
      const reply = await this.#try("POST", `/v1/queues/${this.#queue}/claim`, {
        max: MAX,
        wait: 1,
        worker: this.#name,
      });
      const jobs = (reply?.status === 200 ? reply.body : { jobs: [] }) as { jobs: { id: string; lease: string }[] };
      if (jobs.jobs.length === 0) await new Promise((wake) => setTimeout(wake, 50));
      else await this.#report(jobs.jobs);
    }
  }

  async #report(jobs: { id: string; lease: string }[]): Promise<void> {
    const reports = jobs.map(({ lease }) => ({ lease, ok: true, result: { by: this.#name } }));
    const { status, body } = await this.#api.retry("POST", "/v1/reports", { body: { reports } });
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    for (const [i, item] of (body as { items: { status: string }[] }).items.entries())
      if (item.status === "recorded") this.recorded.push(jobs[i]?.id ?? "");
  }

  async #try(method: string, path: string, body: unknown): Promise<Reply | null> {
    return await this.#api.call(method, path, body).catch(() => null);
  }
}
