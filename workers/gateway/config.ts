import { rootKeyFault } from "../../domain/root-key.ts";
import { parseTargetBindings, type TargetBindings, targetBindingsFault } from "../../domain/target-bindings.ts";
import { type TargetRules, targetRulesOf } from "../../domain/target-url.ts";
import { choiceFault, METRICS_CHOICES, onOffFault, placementFault, wholeNumberFault } from "../../domain/variable.ts";
import { type MasterKeyTexts, masterKeyTexts } from "../crypto/master-key.ts";
/** How many requests of a key and of a namespace may wait at a time in one isolate; 0 is no limit. */
export interface WaitingLimits {
  perKey: number;
  perNamespace: number;
}

/** What a deployment chooses by its variables and secrets, in the form used inside. The only place that reads them. */
export interface Config {
  /** The deployment's own key, a whole token. A secret: never logged. */
  rootKey: string;
  /** The keys that encrypt what is kept and what clients carry. Secrets: never logged. */
  masterKeys: MasterKeyTexts;
  /** The root key before, which is taken for as long as it is set. A secret too; nothing is derived from it. */
  previousRootKey: string | null;
  /** Why nothing is served, for the caller to read; null when all is well. */
  refusal: string | null;
  /** Whether `/metrics` needs no key. */
  metricsPublic: boolean;
  /** Units of requests that a key may spend in 10 s; 0 is no limit of requests at all. */
  rateLimit: number;
  /** Where HTTP targets and subscribers may be. */
  targets: TargetRules;
  /** What targets may name of the processor's bindings. */
  bindings: TargetBindings;
  /** Requests that may wait at a time in one isolate. */
  waiting: WaitingLimits;
  /** What one database of D1 can hold, in bytes. */
  databaseBytes: number;
  /** What SHARDS says: the map has as many only where it was made with it. */
  shards: string;
}

/** Docs: D1, Limits. On the free plan it is 500 MB. */
const D1_MAX_BYTES = 10_000_000_000;

type Required = "RATE_LIMIT" | "ALLOW_PRIVATE_TARGETS" | "WAITS_PER_KEY" | "WAITS_PER_NAMESPACE";
type Optional =
  | "LOCATION"
  | "JURISDICTION"
  | "SHARDS"
  | "D1_MAX_BYTES"
  | "TARGET_HOSTS"
  | "TARGET_BINDINGS"
  | "PLATFORM_HOSTS"
  | "METRICS"
  | "DURE_ROOT_KEY_PREVIOUS";

type Variables = Record<Required, string> & Partial<Record<Optional, string>>;

export function configOf(env: Env): Config {
  const variables: Variables = env;
  const previousRootKey = variables.DURE_ROOT_KEY_PREVIOUS || null;
  const bindings = variables.TARGET_BINDINGS ?? "";
  return {
    rootKey: env.DURE_ROOT_KEY,
    masterKeys: masterKeyTexts(env),
    previousRootKey,
    refusal:
      rootKeyFault("DURE_ROOT_KEY", env.DURE_ROOT_KEY) ??
      (previousRootKey === null ? null : rootKeyFault("DURE_ROOT_KEY_PREVIOUS", previousRootKey)) ??
      choiceFaults(variables) ??
      targetBindingsFault(bindings) ??
      numberFaults(variables),
    metricsPublic: variables.METRICS === "public",
    rateLimit: Number(variables.RATE_LIMIT),
    targets: targetRulesOf(variables),
    bindings: parseTargetBindings(targetBindingsFault(bindings) === null ? bindings : ""),
    databaseBytes: Number(variables.D1_MAX_BYTES ?? D1_MAX_BYTES),
    shards: variables.SHARDS ?? "",
    waiting: { perKey: Number(variables.WAITS_PER_KEY), perNamespace: Number(variables.WAITS_PER_NAMESPACE) },
  };
}

/** Why a variable that stands for a choice cannot be read. */
function choiceFaults({ METRICS, LOCATION, JURISDICTION, ALLOW_PRIVATE_TARGETS }: Variables): string | null {
  return (
    onOffFault("ALLOW_PRIVATE_TARGETS", ALLOW_PRIVATE_TARGETS) ??
    choiceFault("METRICS", METRICS ?? "", METRICS_CHOICES) ??
    placementFault({ LOCATION, JURISDICTION })
  );
}

/** Why a variable that is a number is none. */
function numberFaults(variables: Variables): string | null {
  for (const name of ["RATE_LIMIT", "WAITS_PER_KEY", "WAITS_PER_NAMESPACE"] as const) {
    const fault = wholeNumberFault(name, variables[name]);
    if (fault !== null) return fault;
  }
  const { D1_MAX_BYTES: bytes } = variables;
  return bytes === undefined ? null : wholeNumberFault("D1_MAX_BYTES", bytes, 1);
}
