import { Session } from "node:inspector";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(import.meta.dirname, "../../..");

/**
 * The source files of the repository, as paths from its root, in which at least one function was called while
 * `action` ran, by V8's precise coverage. The top level of a module counts as no function, nor do the getters by which
 * Vitest hands out what a module exports. What an action runs only the first time (a load, a cache) counts: warm up
 * before.
 */
export function filesRunBy(action: () => void): string[] {
  const coverage = new CoverageSession();
  try {
    action();
    return coverage.calledFiles();
  } finally {
    coverage.end();
  }
}

/** The same of an action that ends later. What else runs in the thread meanwhile counts too. */
export async function filesRunByAsync(action: () => Promise<void>): Promise<string[]> {
  const coverage = new CoverageSession();
  try {
    await action();
    return coverage.calledFiles();
  } finally {
    coverage.end();
  }
}

/** Counts calls of functions from its beginning on. */
class CoverageSession {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    post(this.#session, "Profiler.enable");
    post(this.#session, "Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    // Counts begin anew with each take.
    post(this.#session, "Profiler.takePreciseCoverage");
  }

  calledFiles(): string[] {
    const { result } = post(this.#session, "Profiler.takePreciseCoverage") as Coverage;
    post(this.#session, "Debugger.enable");
    return calledFiles(result, (scriptId) => {
      const source = post(this.#session, "Debugger.getScriptSource", { scriptId }) as { scriptSource: string };
      return source.scriptSource;
    });
  }

  end(): void {
    post(this.#session, "Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}

interface CalledFunction {
  functionName: string;
  ranges: { startOffset: number; endOffset: number; count: number }[];
}

interface Script {
  scriptId: string;
  url: string;
  functions: CalledFunction[];
}

interface Coverage {
  result: Script[];
}

/** A call to V8 in this thread is answered before `post` returns. */
function post(session: Session, method: string, params: object = {}): unknown {
  let answer: { error: Error | null; result: unknown } | null = null;
  session.post(method, params, (error, result) => {
    answer = { error, result };
  });
  const { error, result } = answer ?? { error: new Error(`${method} was not answered`), result: null };
  if (error !== null) throw error;
  return result;
}

function calledFiles(scripts: Script[], sourceOf: (scriptId: string) => string): string[] {
  const files = scripts.flatMap((script) => {
    const file = fileOf(script.url);
    return file !== null && hasCalled(script, sourceOf) ? [file] : [];
  });
  return [...new Set(files)].sort();
}

/** `() => X`, or a method or function that does nothing but return a name: how an export is handed out. */
const EXPORT_GETTER =
  /^(get|function)?\s*\(\)\s*(=>)?\s*\{?\s*(try\s*\{)?\s*return\s+[\w$.]+;?\s*\}?\s*(catch\s*\{\s*\})?\s*\}?$/;

function hasCalled({ scriptId, functions }: Script, sourceOf: (scriptId: string) => string): boolean {
  const called = functions.filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
  if (called.length === 0) return false;
  const source = sourceOf(scriptId);
  return called.some(({ ranges: [range] }) => {
    const text = source.slice(range?.startOffset ?? 0, range?.endOffset ?? 0);
    return text.length > 0 && !EXPORT_GETTER.test(text.trim());
  });
}

/** A script's path from the root, or null for one of Node, of a package or of no file. Vitest may name it by URL. */
function fileOf(url: string): string | null {
  const plain = url.replace(/[?#].*$/, "");
  const path = plain.startsWith("file:") ? fileURLToPath(plain) : plain;
  if (!path.startsWith("/")) return null;
  const file = relative(ROOT, path);
  return file.startsWith("..") || file.startsWith("node_modules") ? null : file;
}
