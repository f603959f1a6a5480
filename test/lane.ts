import { type Packing, parsePacking } from "../durable-objects/shard/jobs/packs/packing.ts";
import { turnOf } from "./rotation.ts";

/**
 * How much a run of the tests does. There are two lanes over the same test files: `npm test` ends within minutes, and
 * `npm run test:campaign` (`DURE_LANE=campaign`) takes hours. This is the only module that reads how much is asked for.
 */

/** Of each kind of random history: how many in `npm test`, and how many in a campaign. */
const AMOUNTS = {
  /** The whole platform with faults (`test/simulation`). About seven a second on one core. */
  simulated: { test: 40, campaign: 50_000 },
  /** Simulated histories that run twice and must be the same. */
  repeated: { test: 3, campaign: 500 },
  /** Batches in the world of the two-phase protocol. */
  twoPhase: { test: 80, campaign: 20_000 },
  /** A shard beside its model (`test/model`). About fifty a second on one core. */
  model: { test: 120, campaign: 50_000 },
  /** A shard alone, for each property of `test/unit` that holds in any history. */
  shard: { test: 10, campaign: 1_000 },
  /** Jobs that wait, each asked for its one true reason: so many meet every reason often enough. */
  explained: { test: 40, campaign: 2_000 },
  /** Properties of deduplication and of limits, whose histories are short. */
  short: { test: 20, campaign: 2_000 },
  /** A consumer's Worker with a shard, its calls lost and late. */
  consumer: { test: 2, campaign: 100 },
  /** Events of a shard on their way to subscribers. */
  events: { test: 8, campaign: 600 },
  /** Random JSON texts through every door and every way out of the platform, on the real runtime. */
  texts: { test: 10_000, campaign: 200_000 },
  /** Jobs of the neighbour beside whom the rows are counted that each call of the API reads: in shards, and as many in history. */
  neighbour: { test: 10_000, campaign: 300_000 },
  /** Stories of clients that read at all levels at once, on the real runtime: so many while objects are killed, twice as many while they are evicted, thrice as many of sessions. */
  clients: { test: 1, campaign: 20 },
  /** Walks of one reader after the other over a history that lags behind, on the real runtime. */
  walks: { test: 3, campaign: 80 },
  /** How often the whole platform is killed while it works. */
  kills: { test: 3, campaign: 40 },
  /** Random requests to the API on the real runtime. */
  fuzz: { test: 300, campaign: 20_000 },
} as const;

type Histories = Record<keyof typeof AMOUNTS, number>;
type LaneName = "test" | "campaign";

/** Each mutant comes in one run out of so many; in a campaign always. */
export const ROTATION_PARTS = 12;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export interface Lane {
  name: LaneName;
  /** Which part of what rotates this run does: the number of the day (UTC since 1970) unless `DURE_ROTATION` says another. */
  rotation: number;
  /** How many histories of each kind. */
  histories: Histories;
  /** The seed of the first simulated history; the others follow it. The same at every run, unless asked otherwise. */
  firstSeed: number;
  /** Replays this one simulated history instead. */
  oneSeed: number | null;
  /** The seed and the path of the model's histories. Without a seed they are new ones at every run. */
  model: { seed: number | null; path: string | null };
  /** What a test of many histories may take. */
  timeoutMs: number;
  /** The part of `all` that is this run's turn: as many each time, and every one within `parts` rotations that follow each other. */
  turn<T>(all: readonly T[], parts?: number): T[];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** The lane that the environment asks for. Throws on a value that makes no sense: it would prove less than it seems. */
export function laneOf(env: Variables, now: number): Lane {
  const name = env.DURE_LANE ?? "test";
  if (name !== "test" && name !== "campaign") throw new Error(`DURE_LANE is "test" or "campaign", not "${name}"`);
  const rotation = natural(env, "DURE_ROTATION") ?? Math.floor(now / DAY_MS);
  const histories = Object.fromEntries(Object.entries(AMOUNTS).map(([kind, of]) => [kind, of[name]])) as Histories;
  histories.simulated = natural(env, "DURE_SIM_HISTORIES") ?? histories.simulated;
  histories.model = natural(env, "DURE_MODEL_RUNS") ?? histories.model;
  const campaign = name === "campaign";
  return {
    name,
    rotation,
    histories,
    firstSeed: natural(env, "DURE_SIM_FIRST") ?? 1,
    oneSeed: natural(env, "DURE_SIM_SEED"),
    model: { seed: modelSeed(env, campaign), path: env.DURE_MODEL_PATH ?? null },
    timeoutMs: campaign ? 24 * HOUR_MS : HOUR_MS / 6,
    turn: (all, parts = ROTATION_PARTS) => turnOf(all, parts, { name, rotation }),
  };
}

/** The lane of this run. */
export const lane = laneOf(process.env, Date.now());

/**
 * In which ways the shards of a run pack jobs, one run of the tests after the other: as `DURE_PACKS` says, or in a
 * campaign in every way, or by day on or mixed.
 */
export function packingsOf(
  env: Variables,
  { name, rotation }: Pick<Lane, "name" | "rotation">,
): [Packing, ...Packing[]] {
  if (env.DURE_PACKS !== undefined) return [parsePacking(env.DURE_PACKS)];
  if (name === "campaign") return ["on", "off", "mixed"];
  return [rotation % 2 === 0 ? "on" : "mixed"];
}

/** The model's own seed may be negative: fast-check prints such. */
function modelSeed(env: Variables, campaign: boolean): number | null {
  if (env.DURE_MODEL_SEED !== undefined) return Number(env.DURE_MODEL_SEED);
  return campaign || env.DURE_MODEL_RUNS !== undefined ? null : 1;
}

function natural(env: Variables, variable: string): number | null {
  const text = env[variable];
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${variable} is a whole number from 0 on, not "${text}"`);
  return Number(text);
}
