import { openapiDocument } from "../../../contract/openapi.ts";
import { PROBLEMS, type ProblemCode } from "../../../contract/problem.ts";
import { isProblem, notFound, unavailable } from "../../../contract/problems.ts";
import { RELEASE } from "../../../contract/release.ts";
import { toBase64Url } from "../../crypto/bytes.ts";
import type { DatabaseSize } from "../../db/database-size.ts";
import { done } from "../answered.ts";
import { log, reasonOf } from "../log.ts";
import { audit as auditShards, cluster } from "../platform/audit.ts";
import { databaseSizes } from "../platform/database-room.ts";
import { openMetrics } from "../platform/metrics.ts";
import { readiness } from "../platform/readiness.ts";
import { docsPage } from "../platform/reference/page.ts";
import { healthOfAll } from "../platform/shard-health.ts";
import type { Services } from "../services.ts";
import type { UseCase } from "./use-case.ts";

/** Made on first use: most isolates are never asked for it. */
let document: string | null = null;

export const healthz: UseCase<"healthz"> = async () => done("ok\n");

export const readyz: UseCase<"readyz"> = async ({ services, clock }) => {
  const { fault } = services.masterKeys;
  if (fault !== null) return unavailable.because(fault);
  const ready = await readiness(services, clock());
  return { view: ready, status: ready.status === "down" ? 503 : 200 };
};

export const metrics: UseCase<"metrics"> = async ({ services, clock }) => {
  const { shards, health, config } = services;
  const [named, sizes] = await Promise.all([health.get(() => healthOfAll(shards)), sizesOrNone(services)]);
  if (isProblem(named)) return named;
  return done(openMetrics(named, { sizes, limit: config.databaseBytes }, clock()));
};

/** None where a database does not answer: what shards tell is told all the same. */
async function sizesOrNone(services: Services): Promise<DatabaseSize[]> {
  try {
    return await databaseSizes(services);
  } catch (error) {
    log("warn", "database-sizes", { reason: reasonOf(error) });
    return [];
  }
}

export const openapi: UseCase<"openapi"> = async () => {
  document ??= JSON.stringify(openapiDocument(RELEASE));
  return done(document, { headers: { "cache-control": "public, max-age=60" } });
};

export const docs: UseCase<"docs"> = async () => {
  const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return done(docsPage(nonce), { headers: { "content-security-policy": policy } });
};

/** What a kind of problem means: where the `type` of every problem leads. */
export const explainProblem: UseCase<"explainProblem"> = async (_visit, { params: { code } }) => {
  if (!Object.hasOwn(PROBLEMS, code)) return notFound.path();
  const kind = PROBLEMS[code as ProblemCode];
  return done({ type: `/problems/${code}`, code, ...kind }, { headers: { "cache-control": "public, max-age=3600" } });
};

/** What operators read of the whole deployment. */
export const getCluster: UseCase<"getCluster"> = async ({ services }) => {
  const view = await cluster(services);
  return isProblem(view) ? view : done(view);
};

export const audit: UseCase<"audit"> = async ({ services, clock }, { query: { fresh } }) => {
  const look = () => auditShards(services, clock, fresh);
  const view = await (fresh ? look() : services.audits.get(look));
  return isProblem(view) ? view : done(view);
};
