import { type Files, importedFiles, type Violation } from "./parse.ts";

/** The folders whose files must be readable one after the other. */
export const ACYCLIC_FOLDERS: readonly string[] = ["client/", "domain/", "durable-objects/", "workers/processor/"];

type Graph = ReadonlyMap<string, readonly string[]>;

/**
 * Circles of imports between files of `ACYCLIC_FOLDERS`; imports of types count, because a reader follows them too.
 * Every arrow that lies on a circle is named in at least one sentence, so that the list is what has to be cut.
 */
export function circles(files: Files): Violation[] {
  const graph = importGraph(files);
  const found = new Set<string>();
  const named = new Set<string>();
  for (const [from, targets] of graph)
    for (const to of targets) {
      if (named.has(`${from} ${to}`)) continue;
      const back = shortestPath(graph, to, from);
      if (back === null) continue;
      // `back` ends at `from`, where the arrow begins.
      for (const [index, file] of back.entries()) named.add(`${back.at(index - 1)} ${file}`);
      found.add(asCircle(back));
    }
  return [...found].sort();
}

function importGraph(files: Files): Graph {
  const nodes = [...files].filter(([file]) => ACYCLIC_FOLDERS.some((folder) => file.startsWith(folder)));
  const known = new Set(nodes.map(([file]) => file));
  return new Map(nodes.map(([file, text]) => [file, importedFiles(file, text).filter((target) => known.has(target))]));
}

/** The files on a shortest way from `start` to `goal`, both named, or null when there is none. */
function shortestPath(graph: Graph, start: string, goal: string): string[] | null {
  const cameFrom = new Map<string, string | null>([[start, null]]);
  for (const file of cameFrom.keys()) {
    if (file === goal) return wayTo(cameFrom, goal);
    for (const next of graph.get(file) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return null;
}

function wayTo(cameFrom: ReadonlyMap<string, string | null>, goal: string): string[] {
  const way: string[] = [];
  for (let file: string | null = goal; file !== null; file = cameFrom.get(file) ?? null) way.unshift(file);
  return way;
}

/** `a -> b -> a`, begun at the first file of the alphabet so that one circle has one name. */
function asCircle(way: readonly string[]): string {
  const start = way.reduce((least, file, index) => (file < (way[least] ?? file) ? index : least), 0);
  const turned = [...way.slice(start), ...way.slice(0, start)];
  return [...turned, turned[0]].join(" -> ");
}
