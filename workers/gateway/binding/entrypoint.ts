import { WorkerEntrypoint } from "cloudflare:workers";
import type { z } from "zod";
import type { BatchBody, BatchView } from "../../../contract/batch.ts";
import { type Answer, type As, BindingOptions, type DureBinding, type DureProps } from "../../../contract/binding.ts";
import type { ExplainView, JobView, SubmitBody } from "../../../contract/job.ts";
import { MAX_WAIT_SECONDS } from "../../../contract/limits.ts";
import type {
  ClaimInput,
  ClaimView,
  ExtendBody,
  ExtendView,
  ReportInput,
  ReportsView,
} from "../../../contract/pull.ts";
import { trustCaller } from "../access/trusted-caller.ts";
import { app } from "../app.ts";
import { problemView, Refusal } from "../http/refusal.ts";
import { validated } from "../http/request-body.ts";
import { servicesOf } from "../services.ts";
import { type Call, preferWait, requestOf, segment } from "./call.ts";
import { type Identity, identityOf } from "./identity.ts";
import { metaOf } from "./meta.ts";
import { problemError, problemIn } from "./problem-error.ts";

type Options<K extends keyof typeof BindingOptions> = z.output<(typeof BindingOptions)[K]>;

/**
 * What other Workers bind to (`service = "dure-gateway"`, `entrypoint = "Dure"`). Each method is the HTTP call of the same
 * name, made within the isolate: same checks, same answers, same budget; its problem is thrown as an error.
 */
export class Dure extends WorkerEntrypoint<Env, DureProps> implements DureBinding {
  submit(job: SubmitBody, options?: As & { waitSeconds?: number }): Promise<Answer<JobView>> {
    return this.#ask("submit", options, ({ waitSeconds = 0 }) => ({
      method: "POST",
      path: "/v1/jobs",
      body: job,
      headers: preferWait(waitSeconds),
    }));
  }

  submitBatch(batch: BatchBody, options?: As & { idempotencyKey?: string }): Promise<Answer<BatchView>> {
    return this.#ask("batch", options, ({ idempotencyKey }) => ({
      method: "POST",
      path: "/v1/batches",
      body: batch,
      headers: { "idempotency-key": idempotencyKey },
    }));
  }

  get(id: string, options?: Parameters<DureBinding["get"]>[1]): Promise<Answer<JobView>> {
    return this.#ask("get", options, ({ consistency }) => ({
      method: "GET",
      path: `/v1/jobs/${segment(id)}${consistency === undefined ? "" : `?consistency=${consistency}`}`,
    }));
  }

  wait(id: string, options?: As & { timeoutSeconds?: number }): Promise<Answer<JobView>> {
    return this.#ask("wait", options, ({ timeoutSeconds = MAX_WAIT_SECONDS }) => ({
      method: "GET",
      path: `/v1/jobs/${segment(id)}`,
      headers: preferWait(timeoutSeconds),
    }));
  }

  cancel(id: string, options?: As): Promise<Answer<JobView>> {
    return this.#ask("none", options, () => ({ method: "POST", path: `/v1/jobs/${segment(id)}/cancel` }));
  }

  claim(queue: string, body: ClaimInput = {}, options?: As): Promise<Answer<ClaimView>> {
    return this.#ask("none", options, () => ({ method: "POST", path: `/v1/queues/${segment(queue)}/claim`, body }));
  }

  report(reports: ReportInput[], options?: Parameters<DureBinding["report"]>[1]): Promise<Answer<ReportsView>> {
    return this.#ask("report", options, ({ claim }) => ({
      method: "POST",
      path: "/v1/reports",
      body: { reports, claim },
    }));
  }

  extend(lease: string, body: ExtendBody = {}, options?: As): Promise<Answer<ExtendView>> {
    return this.#ask("none", options, () => ({ method: "POST", path: `/v1/leases/${segment(lease)}/extend`, body }));
  }

  retry(id: string, options?: As): Promise<Answer<JobView>> {
    return this.#ask("none", options, () => ({ method: "POST", path: `/v1/jobs/${segment(id)}/retry` }));
  }

  explain(id: string, options?: As): Promise<Answer<ExplainView>> {
    return this.#ask("none", options, () => ({ method: "GET", path: `/v1/jobs/${segment(id)}/explain` }));
  }

  async #ask<T, K extends keyof typeof BindingOptions>(
    kind: K,
    options: unknown,
    callOf: (options: Options<K>) => Call,
  ): Promise<Answer<T>> {
    try {
      const known = validated(BindingOptions[kind], options ?? {}) as Options<K>;
      const request = requestOf(callOf(known));
      if (known.bookmark !== undefined) request.headers.set("dure-bookmark", known.bookmark);
      const identity = await identityOf(servicesOf(this.env), { key: known.key, props: this.ctx.props }, Date.now());
      return await this.#send(request, identity);
    } catch (error) {
      throw error instanceof Refusal ? problemError(problemView(error)) : error;
    }
  }

  async #send<T>(request: Request, identity: Identity): Promise<Answer<T>> {
    if (identity.type === "token") request.headers.set("authorization", `Bearer ${identity.token}`);
    else trustCaller(request, identity.caller);
    const response = await app.fetch(request, this.env, this.ctx);
    const text = await response.text();
    if (response.status >= 400) throw problemError(problemIn(JSON.parse(text), response.headers));
    return { ...(JSON.parse(text) as T), meta: metaOf(response.headers) };
  }
}
