import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { readWorkerConfig } from "../../scripts/worker-options.ts";

/** wrangler gives many empty settings; they mean the same as none. */
function withoutEmpty(options: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && Object.keys(Object(value)).length > 0),
  );
}

describe("the local host's reading of a wrangler.toml", () => {
  it.each(["wrangler.toml", "workers/processor/wrangler.toml"])("is wrangler's own reading: %s", (path) => {
    const ours = readWorkerConfig(path);
    const { workerOptions, main } = unstable_getMiniflareWorkerOptions(resolve(path));
    const { modulesRules, cronTriggers, email, bindings, ...theirs } = withoutEmpty(workerOptions);
    const { name, ...options } = withoutEmpty(ours.options);
    expect(theirs).toMatchObject(options);
    expect(Object.keys(options).sort()).toEqual(Object.keys(theirs).sort());
    // A secret that happens to be in the environment is among wrangler's.
    expect(bindings).toMatchObject(ours.vars);
    expect(ours.main).toBe(main);
    expect(ours.crons).toEqual(cronTriggers ?? []);
  });
});
