import { parseTargetBindings, type TargetBindings } from "../../domain/target-bindings.ts";
import { type TargetRules, targetRulesOf } from "../../domain/target-url.ts";
import { onOffFault, placementFault, wholeNumberFault } from "../../domain/variable.ts";
import { MasterKeys, type MasterKeyTexts, type MasterKeyVariables, masterKeyTexts } from "../crypto/master-key.ts";

/** The processor's variables, read once. */
export interface Config {
  /** Open what the gateway seals. Secrets: never logged. */
  masterKeys: MasterKeyTexts;
  /** Where HTTP targets and subscribers may be. */
  targets: TargetRules;
  /** What targets may name of this Worker's bindings. */
  bindings: TargetBindings;
  /** Outgoing HTTP requests of one invocation that may wait for headers. */
  maxConnections: number;
  /** Invocations that one lane has at once, at most. */
  laneConsumers: number;
  /** 0: no sweep, but for an invocation with a long job. */
  sweepMs: number;
  /** How long an executor waits at a shard at most, at a time. 0: never. */
  waitMs: number;
}

type Variables = Pick<
  ProcessorEnv,
  "ALLOW_PRIVATE_TARGETS" | "MAX_CONNECTIONS" | "LANE_CONSUMERS" | "SWEEP_MS" | "WAIT_MS"
> &
  Partial<Pick<ProcessorEnv, "TARGET_HOSTS" | "PLATFORM_HOSTS" | "TARGET_BINDINGS" | "LOCATION" | "JURISDICTION">> &
  MasterKeyVariables;

/** Throws where a variable is not what it has to be. */
export function readConfig(env: Variables): Config {
  const masterKeys = masterKeyTexts(env);
  const fault =
    new MasterKeys(masterKeys).fault ??
    onOffFault("ALLOW_PRIVATE_TARGETS", env.ALLOW_PRIVATE_TARGETS) ??
    placementFault(env);
  if (fault !== null) throw new Error(fault);
  return {
    masterKeys,
    targets: targetRulesOf(env),
    bindings: parseTargetBindings(env.TARGET_BINDINGS ?? ""),
    maxConnections: wholeNumber("MAX_CONNECTIONS", env.MAX_CONNECTIONS, 1),
    laneConsumers: wholeNumber("LANE_CONSUMERS", env.LANE_CONSUMERS, 1),
    sweepMs: wholeNumber("SWEEP_MS", env.SWEEP_MS, 0),
    waitMs: wholeNumber("WAIT_MS", env.WAIT_MS, 0),
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const fault = wholeNumberFault(name, text, least);
  if (fault !== null) throw new Error(fault);
  return Number(text);
}
