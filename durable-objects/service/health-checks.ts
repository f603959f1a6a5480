import { isServicePath, urlAt } from "../../domain/service/address.ts";
import type { HealthCheckSettings } from "../../domain/service/settings.ts";
import type { CheckResult } from "./instances.ts";

/** An invocation has six connections that wait for headers (docs: Workers, Limits): a seventh would stand in line, its time running. */
const AT_ONCE = 6;

/** What one request of a check came to. */
export type ProbeAnswer =
  | { type: "answered"; status: number }
  /** There was none; `why` is the end of a sentence that begins with "It". */
  | { type: "none"; why: string };

/** Asks for a URL by GET: redirects are not followed, the body is not read, and after `timeoutMs` it is given up. Never rejects. */
export type Probe = (url: string, timeoutMs: number) => Promise<ProbeAnswer>;

/** Checks each instance once, six at a time. */
export async function checkAll(
  urls: readonly string[],
  settings: HealthCheckSettings,
  probe: Probe,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const left = [...urls];
  const ask: Probe = isServicePath(settings.path) ? probe : refused;
  const work = async () => {
    for (let url = left.shift(); url !== undefined; url = left.shift()) {
      results.push(resultOf(url, settings, await ask(urlAt(url, settings.path), settings.timeoutMs)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, urls.length) }, work));
  return results;
}

/** Settings that were stored before there was a rule may not keep it. */
async function refused(): Promise<ProbeAnswer> {
  return { type: "none", why: "may not be called: the path of the check leads out of it" };
}

function resultOf(url: string, { expect }: HealthCheckSettings, answer: ProbeAnswer): CheckResult {
  if (answer.type === "none") return { url, ok: false, detail: `It ${answer.why}.` };
  const ok = answer.status >= expect.from && answer.status <= expect.to;
  return { url, ok, detail: `It answered ${answer.status}.` };
}
