import { exports } from "cloudflare:workers";
import type { DureBinding, DureProps } from "../../contract/binding.ts";

/**
 * The entrypoint `Dure` over a service binding, as another Worker has it. `props` are sent as they are, so that a test can
 * send wrong ones.
 */
export function bound(props: unknown): DureBinding {
  // What the generated type makes of results that hold unknown values is `never`.
  return exports.Dure({ props: props as DureProps }) as unknown as DureBinding;
}

/** What a call throws. Fails when it does not. */
export async function thrownBy(call: () => Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Error) return error as Error & Record<string, unknown>;
    throw error;
  }
  throw new Error("the call was not refused");
}
