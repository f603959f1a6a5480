import { WorkerEntrypoint } from "cloudflare:workers";
import type { z } from "zod";
import type { BatchBody, BatchView } from "../../../../contract/batch.ts";
import {
  type Answer,
  type AnsweredJob,
  type As,
  BindingOptions,
  type DureBinding,
  type DureProps,
  type SentJob,
  type SentPatch,
  type Traced,
} from "../../../../contract/binding.ts";
import type { CallName } from "../../../../contract/http/calls.ts";
import type { ExplainView } from "../../../../contract/job.ts";
import { MAX_WAIT_SECONDS } from "../../../../contract/limits.ts";
import {
  http,
  invalid,
  isProblem,
  type Problem,
  problemHeaders,
  problemView,
  type Result,
} from "../../../../contract/problems.ts";
import type {
  ClaimInput,
  ClaimView,
  ExtendInput,
  ExtendView,
  ReleaseBody,
  ReportInput,
  ReportsView,
} from "../../../../contract/pull.ts";
import { framesOf } from "../../../../domain/fault.ts";
import { log, reasonOf } from "../../log.ts";
import { servicesOf } from "../../services.ts";
import { identityOf } from "./identity.ts";
import { type MethodCall, perform } from "./perform.ts";
import { problemError } from "./problem-error.ts";

type Options<K extends keyof typeof BindingOptions> = z.output<(typeof BindingOptions)[K]>;

/**
 * What other Workers bind to (`service = "dure-gateway"`, `entrypoint = "Dure"`). Each method is a call of the API: same
 * checks, same use case, same budget; its problem is thrown as an error.
 */
/** Nobody hears of a caller that has gone before its call has returned. */
const NOBODY_SAYS = new AbortController().signal;

export class Dure extends WorkerEntrypoint<Env, DureProps> implements DureBinding {
  submit(job: SentJob, options?: As & Traced & { waitSeconds?: number }): Promise<Answer<AnsweredJob>> {
    return this.#ask("submitJob", asked("submit", options), ({ waitSeconds = 0, traceparent }) => ({
      body: job,
      waitSeconds,
      traceparent,
    }));
  }

  submitBatch(batch: BatchBody, options?: As & Traced & { idempotencyKey?: string }): Promise<Answer<BatchView>> {
    return this.#ask("submitBatch", asked("batch", options), ({ idempotencyKey, traceparent }) => ({
      body: batch,
      idempotencyKey,
      traceparent,
    }));
  }

  get(id: string, options?: Parameters<DureBinding["get"]>[1]): Promise<Answer<AnsweredJob>> {
    return this.#ask("getJob", asked("get", options), ({ consistency }) => ({
      params: { id },
      query: { consistency },
    }));
  }

  wait(id: string, options?: As & { timeoutSeconds?: number }): Promise<Answer<AnsweredJob>> {
    return this.#ask("getJob", asked("wait", options), ({ timeoutSeconds = MAX_WAIT_SECONDS }) => ({
      params: { id },
      waitSeconds: timeoutSeconds,
    }));
  }

  cancel(id: string, options?: As): Promise<Answer<AnsweredJob>> {
    return this.#ask("cancelJob", asked("none", options), () => ({ params: { id } }));
  }

  patch(id: string, patch: SentPatch, options?: As & { ifVersion?: number }): Promise<Answer<AnsweredJob>> {
    return this.#ask("patchJob", asked("patch", options), ({ ifVersion }) => ({
      params: { id },
      body: patch,
      ifVersion,
    }));
  }

  runNow(id: string, options?: As): Promise<Answer<AnsweredJob>> {
    return this.#ask("runJobNow", asked("none", options), () => ({ params: { id } }));
  }

  claim(queue: string, body: ClaimInput = {}, options?: As): Promise<Answer<ClaimView>> {
    return this.#ask("claimJobs", asked("none", options), () => ({ params: { queue }, body }));
  }

  report(reports: ReportInput[], options?: Parameters<DureBinding["report"]>[1]): Promise<Answer<ReportsView>> {
    return this.#ask("reportJobs", asked("report", options), ({ claim }) => ({ body: { reports, claim } }));
  }

  extend(lease: string, body: ExtendInput = {}, options?: As): Promise<Answer<ExtendView>> {
    return this.#ask("extendLease", asked("none", options), () => ({ params: { lease }, body }));
  }

  release(lease: string, body: ReleaseBody = {}, options?: As): Promise<Answer<AnsweredJob>> {
    return this.#ask("releaseLease", asked("none", options), () => ({ params: { lease }, body }));
  }

  retry(id: string, options?: As): Promise<Answer<AnsweredJob>> {
    return this.#ask("retryJob", asked("none", options), () => ({ params: { id } }));
  }

  explain(id: string, options?: As): Promise<Answer<ExplainView>> {
    return this.#ask("explainJob", asked("none", options), () => ({ params: { id } }));
  }

  async #ask<View, Known extends { [Member in keyof As]?: As[Member] | undefined }>(
    name: CallName,
    options: Result<Known>,
    saying: (options: Known) => MethodCall,
  ): Promise<Answer<View>> {
    if (isProblem(options)) throw thrown(options);
    const visit = {
      services: servicesOf(this.env),
      clock: () => Date.now(),
      host: () => null,
      left: () => NOBODY_SAYS,
      later: (work: Promise<unknown>) => this.ctx.waitUntil(work),
    };
    const identity = await identityOf(visit, { key: options.key, props: this.ctx.props });
    if (isProblem(identity)) throw thrown(identity);
    const sent = { ...saying(options), identity, bookmark: options.bookmark };
    const answer = await perform<View>(visit, name, sent).catch((error: unknown) => unexpected(name, error));
    if (isProblem(answer)) throw thrown(answer);
    return answer;
  }
}

/** What is thrown is our fault, and quotes what it was thrown over: the caller is told no more of it than over HTTP. */
function unexpected(call: CallName, error: unknown): Problem {
  const id = crypto.randomUUID();
  log("error", "unexpected", { requestId: id, call, reason: reasonOf(error), at: framesOf(error) });
  return http.failed(id);
}

/** The last argument of a method, as its schema has it. */
function asked<K extends keyof typeof BindingOptions>(kind: K, options: unknown): Result<Options<K>> {
  const parsed = BindingOptions[kind].safeParse(options ?? {});
  return parsed.success ? (parsed.data as Options<K>) : invalid.schema(parsed.error);
}

/** A thrown error has no headers: what `Retry-After` says stands in the problem. */
function thrown(problem: Problem): Error {
  const { "retry-after": retryAfter } = problemHeaders(problem);
  return problemError({
    ...problemView(problem),
    ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
  });
}
