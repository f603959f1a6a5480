import { isDeepStrictEqual } from "node:util";

/** What the model can be wrong about, or the shard. */
export type Prediction =
  | "submit"
  | "sequence"
  | "claim"
  | "report"
  | "extend"
  | "change"
  | "purge"
  | "job"
  | "counts"
  | "waiting"
  | "explain"
  | "alarm"
  | "audit";

/** The shard did not do what the model said it would. */
export class Unpredicted extends Error {
  readonly prediction: Prediction;

  constructor(prediction: Prediction, message: string) {
    super(`${prediction}: ${message}`);
    this.prediction = prediction;
  }
}

/** Throws `Unpredicted` unless both are deeply equal. */
export function expectSame(prediction: Prediction, what: string, is: { predicted: unknown; answered: unknown }): void {
  if (isDeepStrictEqual(is.predicted, is.answered)) return;
  const text = (value: unknown) => JSON.stringify(value, null, 1)?.replace(/\n\s*/g, " ");
  throw new Unpredicted(prediction, `${what}\n  predicted ${text(is.predicted)}\n  answered  ${text(is.answered)}`);
}
