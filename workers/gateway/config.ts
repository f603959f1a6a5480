import { hostPatterns, type TargetRules } from "../../domain/target-url.ts";
import { type MasterKeyTexts, masterKeyTexts } from "../crypto/master-key.ts";

/** What a deployment chooses by its variables and secrets, in the form used inside. The only place that reads them. */
export interface Config {
  /** The deployment's own key, a whole token. A secret: never logged. */
  rootKey: string;
  /** The keys that encrypt what is kept and what clients carry. Secrets: never logged. */
  masterKeys: MasterKeyTexts;
  /** Requests a key may make in 10 s; 0 is no limit. */
  rateLimit: number;
  /** Where HTTP targets and subscribers may be. */
  targets: TargetRules;
}

export function configOf(env: Env): Config {
  const variables: Record<"RATE_LIMIT" | "ALLOW_PRIVATE_TARGETS", string> &
    Partial<Record<"TARGET_HOSTS" | "PLATFORM_HOSTS", string>> = env;
  return {
    rootKey: env.DURE_ROOT_KEY,
    masterKeys: masterKeyTexts(env),
    rateLimit: Number(variables.RATE_LIMIT),
    targets: {
      allowPrivate: variables.ALLOW_PRIVATE_TARGETS === "true",
      targetHosts: hostPatterns("TARGET_HOSTS", variables.TARGET_HOSTS ?? ""),
      platformHosts: hostPatterns("PLATFORM_HOSTS", variables.PLATFORM_HOSTS ?? ""),
    },
  };
}
