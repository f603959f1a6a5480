/** The parts of `globalThis` that hold the environment, each where the runtime has it. */
interface Runtime {
  process?: { env?: Record<string, string | undefined> };
  Deno?: { env?: { get(name: string): string | undefined } };
}

/**
 * An environment variable, in Node, Bun, Deno, and Workers with `nodejs_compat`. Undefined where it is not set, may not be
 * read, or where there is no environment, as in a browser.
 */
export function environmentVariable(name: string, runtime: Runtime = globalThis as Runtime): string | undefined {
  try {
    return runtime.process?.env?.[name] ?? runtime.Deno?.env?.get(name);
  } catch {
    return undefined; // Deno throws where it was not allowed to read it.
  }
}
