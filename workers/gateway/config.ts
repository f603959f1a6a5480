/** How many requests of a key and of a namespace may wait at a time in one isolate; 0 is no limit. */
export interface WaitingLimits {
  perKey: number;
  perNamespace: number;
}

/** What a deployment chooses by its variables and secrets, in the form used inside. The only place that reads them. */
export interface Config {
  /** The deployment's own key, a whole token. A secret: never logged. */
  rootKey: string;
  /** Requests a key may make in 10 s; 0 is no limit. */
  rateLimit: number;
  /** Whether targets may be private, loopback and link-local addresses. */
  allowPrivateTargets: boolean;
  /** Requests that may wait at a time in one isolate. */
  waiting: WaitingLimits;
}

type Variable = "RATE_LIMIT" | "ALLOW_PRIVATE_TARGETS" | "WAITS_PER_KEY" | "WAITS_PER_NAMESPACE";

export function configOf(env: Env): Config {
  const variables: Record<Variable, string> = env;
  return {
    rootKey: env.DURE_ROOT_KEY,
    rateLimit: Number(variables.RATE_LIMIT),
    waiting: { perKey: Number(variables.WAITS_PER_KEY), perNamespace: Number(variables.WAITS_PER_NAMESPACE) },
    allowPrivateTargets: variables.ALLOW_PRIVATE_TARGETS === "true",
  };
}
