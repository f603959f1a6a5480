import { type Result, unavailable } from "../../contract/problems.ts";
import { log, reasonOf } from "./log.ts";

/** What D1 answers, or a 503 problem when it does not. */
export async function fromDatabase<T>(ask: () => Promise<T>): Promise<Result<T>> {
  try {
    return await ask();
  } catch (error) {
    log("error", "database", { reason: reasonOf(error) });
    return unavailable.database();
  }
}
