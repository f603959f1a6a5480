import { Session } from "node:inspector";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(import.meta.dirname, "../../..");

/**
 * The source files of the repository, as paths from its root, in which at least one function was called while
 * `action` ran, by V8's precise coverage. The top level of a module counts as no function. What an action runs only
 * the first time (a load, a cache) counts: warm up before.
 */
export function filesRunBy(action: () => void): string[] {
  const session = new Session();
  session.connect();
  try {
    post(session, "Profiler.enable");
    post(session, "Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    // Counts begin anew with each take.
    post(session, "Profiler.takePreciseCoverage");
    action();
    return calledFiles(post(session, "Profiler.takePreciseCoverage") as Coverage);
  } finally {
    post(session, "Profiler.stopPreciseCoverage");
    session.disconnect();
  }
}

interface Coverage {
  result: { url: string; functions: { functionName: string; ranges: { startOffset: number; count: number }[] }[] }[];
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

function calledFiles({ result }: Coverage): string[] {
  const called = result.filter(({ functions }) => functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0));
  const files = called.flatMap(({ url }) => fileOf(url) ?? []);
  return [...new Set(files)].sort();
}

/** A script's path from the root, or null for one of Node, of a package or of no file. Vitest may name it by URL. */
function fileOf(url: string): string | null {
  const plain = url.replace(/[?#].*$/, "");
  const path = plain.startsWith("file:") ? fileURLToPath(plain) : plain;
  if (!path.startsWith("/")) return null;
  const file = relative(ROOT, path);
  return file.startsWith("..") || file.startsWith("node_modules") ? null : file;
}
