import { type MasterKeyTexts, masterKeyTexts } from "../crypto/master-key.ts";

/** What a deployment chooses by its variables and secrets, in the form used inside. The only place that reads them. */
export interface Config {
  /** The deployment's own key, a whole token. A secret: never logged. */
  rootKey: string;
  /** The keys that encrypt what is kept and what clients carry. Secrets: never logged. */
  masterKeys: MasterKeyTexts;
  /** Requests a key may make in 10 s; 0 is no limit. */
  rateLimit: number;
  /** Whether targets may be private, loopback and link-local addresses. */
  allowPrivateTargets: boolean;
}

export function configOf(env: Env): Config {
  const variables: Record<"RATE_LIMIT" | "ALLOW_PRIVATE_TARGETS", string> = env;
  return {
    rootKey: env.DURE_ROOT_KEY,
    masterKeys: masterKeyTexts(env),
    rateLimit: Number(variables.RATE_LIMIT),
    allowPrivateTargets: variables.ALLOW_PRIVATE_TARGETS === "true",
  };
}
