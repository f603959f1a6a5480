import { secretsIn } from "../rigs/secret-shapes.ts";
import type { Simulation } from "./simulation.ts";

/** What the processor logs, whatever failed, has no lease and nothing else of the shape of a secret. */
export function checkLogged(sim: Simulation, event: object): void {
  const secrets = secretsIn(JSON.stringify(event));
  if (secrets.length > 0) sim.violations.add("log", `a line has ${secrets.join(", ")}: ${JSON.stringify(event)}`);
}
