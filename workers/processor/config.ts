/** The processor's variables, read once. */
export interface Config {
  allowPrivate: boolean;
  /** Outgoing HTTP requests of one invocation that may wait for headers. */
  maxConnections: number;
  /** Invocations that one lane has at once, at most. */
  laneConsumers: number;
  /** 0: no sweep. */
  sweepMs: number;
}

type Variables = Pick<ProcessorEnv, "ALLOW_PRIVATE_TARGETS" | "MAX_CONNECTIONS" | "LANE_CONSUMERS" | "SWEEP_MS">;

export function readConfig(env: Variables): Config {
  return {
    allowPrivate: env.ALLOW_PRIVATE_TARGETS === "true",
    maxConnections: wholeNumber("MAX_CONNECTIONS", env.MAX_CONNECTIONS, 1),
    laneConsumers: wholeNumber("LANE_CONSUMERS", env.LANE_CONSUMERS, 1),
    sweepMs: wholeNumber("SWEEP_MS", env.SWEEP_MS, 0),
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${name} must be a whole number from ${least} on, not "${text}"`);
  return value;
}
