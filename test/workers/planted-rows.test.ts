import { afterEach, vi } from "vitest";
import { HostedShard } from "../rigs/hosted-shard.ts";
import { testBadPacks } from "../rigs/pack-cases.ts";
import { played, SICK, testPlanted } from "../rigs/planted-cases.ts";
import { turn } from "./lane.ts";
import { objectHost, type Snapshot } from "./object-host.ts";
import { packJobs } from "./packing.ts";

/** Bad rows in shards on the real runtime. In Node the same cases are those of `planted.test.ts` and `packs/claim.test.ts`. */

packJobs();

afterEach(() => {
  vi.restoreAllMocks();
});

/** A scene is played once, and each case has a copy of its rows: each step that writes takes milliseconds here. */
function copied(scene: (make: typeof objectHost) => Promise<HostedShard>): () => Promise<HostedShard> {
  let rows: Promise<Snapshot> | null = null;
  const snapshot = async () => {
    const host = await objectHost();
    await scene(async () => host);
    return host.snapshot();
  };
  return async () => {
    rows ??= snapshot();
    return new HostedShard(await objectHost(await rows), SICK);
  };
}

testPlanted({
  bare: copied((make) => played(make).bare()),
  configured: copied((make) => played(make).configured()),
  turn,
  runs: 6,
  beforeRestart: false,
});

testBadPacks(() => objectHost());
