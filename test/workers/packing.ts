import { env } from "cloudflare:workers";
import { afterAll, beforeAll } from "vitest";
import { evict } from "./api.ts";

/** For tests of packs themselves: the shards of this file pack jobs, whichever way the run goes by. */
export function packJobs(): void {
  const bindings = env as { PACKS: string };
  const ofRun = bindings.PACKS;
  const startWith = (packing: string) => async () => {
    bindings.PACKS = packing;
    await evict();
  };
  beforeAll(startWith("on"));
  afterAll(startWith(ofRun));
}
