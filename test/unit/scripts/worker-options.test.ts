import { globSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it, test } from "vitest";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { assertSameDatabases, bundleWorker, readWorkerConfig, stopBundling } from "../../../scripts/worker-options.ts";
import { overlaid } from "../../../scripts/worker-overlay.ts";

const CONFIGS = ["wrangler.toml", "workers/processor/wrangler.toml", ...globSync("examples/*/wrangler.toml")];

/** wrangler gives many empty settings; they mean the same as none. */
function withoutEmpty(options: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && Object.keys(Object(value)).length > 0),
  );
}

describe("the local host's reading of a wrangler.toml", () => {
  it.each(CONFIGS)("is wrangler's own reading: %s", (path) => {
    const ours = readWorkerConfig(path);
    const { workerOptions, main } = unstable_getMiniflareWorkerOptions(resolve(path));
    const { modulesRules, cronTriggers, email, bindings, ...theirs } = withoutEmpty(workerOptions);
    const { name, ...options } = withoutEmpty(ours.options);
    expect(theirs).toMatchObject(options);
    expect(Object.keys(options).sort()).toEqual(Object.keys(theirs).sort());
    // A secret that happens to be in the environment is among wrangler's.
    expect(bindings ?? {}).toMatchObject(ours.vars);
    expect(ours.main).toBe(main);
    expect(ours.crons).toEqual(cronTriggers ?? []);
  });

  it("knows the examples", () => {
    expect(CONFIGS.length).toBeGreaterThan(2);
  });
});

describe("Dure's own Workers, as they are deployed,", () => {
  const gateway = readWorkerConfig("wrangler.toml");
  const processor = readWorkerConfig("workers/processor/wrangler.toml");

  it("call no private address, by text and by network, and no route leads to the processor", () => {
    expect(gateway.vars.ALLOW_PRIVATE_TARGETS).toBe("false");
    expect(processor.vars.ALLOW_PRIVATE_TARGETS).toBe("false");
    expect(processor.options.compatibilityFlags).toContain("global_fetch_strictly_public");
    expect(readFileSync("workers/processor/wrangler.toml", "utf8")).toMatch(/^workers_dev = false$/m);
  });

  it("have the same databases, or are not started", () => {
    expect(() => assertSameDatabases(gateway, processor)).not.toThrow();
    const more = { databases: [...gateway.databases, "HISTORY_DB_1"] };
    expect(() => assertSameDatabases(more, processor)).toThrow(/DB, HISTORY_DB_1.*both need the same/);
    expect(() => assertSameDatabases(more, { databases: more.databases.toReversed() })).not.toThrow();
  });

  it("show metrics to keys alone, and have Cloudflare log no URL of a request", () => {
    expect(gateway.vars.METRICS).toBe("key");
    expect(readFileSync("wrangler.toml", "utf8")).toMatch(/^\[observability\.logs\]\ninvocation_logs = false$/m);
  });
});

describe("an overlay", () => {
  const config = readWorkerConfig("workers/processor/wrangler.toml");

  it("adds bindings beside those of the file, and leaves the file's as they are", () => {
    const services = { NEXT: { name: "next", entrypoint: "Next", props: { n: 1 } } };
    const { options, vars } = overlaid(config, { vars: { SWEEP_MS: "7" }, producers: { OUT: "out" }, services });
    expect(options.queueProducers).toEqual({ ...config.options.queueProducers, OUT: { queueName: "out" } });
    expect(options.serviceBindings).toEqual({ ...config.options.serviceBindings, ...services });
    expect(options.queueConsumers).toEqual(config.options.queueConsumers);
    expect(vars).toEqual({ ...config.vars, SWEEP_MS: "7" });
    expect(config.vars.SWEEP_MS).toBe("0");
  });

  it("takes off the consumer of a queue, and lets another setting stand over the file's", () => {
    const { options } = overlaid(config, { consumers: { "dure-slow": null, "dure-bulk": { maxBatchSize: 1 } } });
    const { "dure-slow": slow, ...rest } = config.options.queueConsumers;
    expect(slow).toBeDefined();
    expect(options.queueConsumers).toEqual({ ...rest, "dure-bulk": { maxBatchSize: 1 } });
  });
});

test("a Worker's code names its sources for stack traces, and does not hold them", async () => {
  const main = join(mkdtempSync(join(tmpdir(), "dure-bundle-")), "main.ts");
  writeFileSync(main, "export default 1;\n");
  const code = await bundleWorker(main);
  await stopBundling();
  const [, map = ""] = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(code) ?? [];
  const { sources, sourcesContent } = JSON.parse(Buffer.from(map, "base64").toString()) as Record<string, unknown>;
  expect(sources).toEqual([expect.stringMatching(/main\.ts$/)]);
  expect(sourcesContent).toBeUndefined();
});
