import type { CallDefinition } from "../../../contract/http/call.ts";
import type { CallName } from "../../../contract/http/calls.ts";
import type { Result } from "../../../contract/problems.ts";
import type { Answered } from "../answered.ts";
import type { Context } from "../context.ts";
import { underWay } from "./admission.ts";
import { audited } from "./audited.ts";
import type { AnyInput } from "./use-case.ts";
import { withinWaits } from "./within-waits.ts";

type Run = (context: Context, input: AnyInput) => Promise<Result<Answered<unknown>>>;

/**
 * Carries out a call that was let through, whichever door it came to: of heavy calls, and of those that wait, a caller may have
 * some at a time; what came of an audited one is noted.
 */
export function carriedOut(
  definition: CallDefinition & { id: CallName },
  run: Run,
  [context, input]: [Context, AnyInput],
): Promise<Result<Answered<unknown>>> {
  return underWay(context, definition, () =>
    withinWaits(context, input, () => audited(definition, run)(context, input)),
  );
}
