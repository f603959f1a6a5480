import { type Files, importedFiles, type Violation } from "./parse.ts";

const GATEWAY = "workers/gateway/";

/**
 * The places of the gateway in the order in which they stand on each other: a folder, or a file by itself. A file may import
 * its own place and those before it.
 */
export const PLACES: readonly string[] = [
  "log.ts",
  "config.ts",
  "deadline.ts",
  "in-turn.ts",
  "count-until.ts",
  "expiring-map.ts",
  "pace.ts",
  "remembered.ts",
  "cron-round.ts",
  "edge-cache.ts",
  "database.ts",
  "routing",
  "access",
  "sessions",
  "deferred",
  "proxy",
  "services.ts",
  "context.ts",
  "answered.ts",
  "jobs",
  "resources",
  "queues",
  "submit",
  "work",
  "dead-letters",
  "operations",
  "schedules",
  "subscriptions",
  "services",
  "namespaces",
  "platform",
  "api",
  "doors",
  "cron-pushes.ts",
  "scheduled.ts",
  "index.ts",
];

/** Arrows of import inside the gateway that point to a later place, places without files, and files without a place. */
export function gatewayArrows(files: Files, places: readonly string[] = PLACES): Violation[] {
  const inside = [...files].filter(([file]) => file.startsWith(GATEWAY) && file.endsWith(".ts"));
  const there = new Set(inside.map(([file]) => placeOf(file)));
  const absent = places.filter((place) => !there.has(place));
  const unlisted = [...there].filter((place) => !places.includes(place));
  return [
    ...absent.map((place) => `${GATEWAY}${place}: the list of places names it, and it does not exist`),
    ...unlisted.map((place) => `${GATEWAY}${place}: has no place on the list`),
    ...inside.flatMap(([file, text]) =>
      importedFiles(file, text).flatMap((target) => wrong(places, file, target) ?? []),
    ),
  ];
}

/** The folder directly below the gateway's in which a file lies, or the file itself. */
function placeOf(file: string): string {
  return file.slice(GATEWAY.length).split("/")[0] ?? "";
}

function wrong(places: readonly string[], file: string, target: string): Violation | null {
  if (!target.startsWith(GATEWAY)) return null;
  const [from, to] = [placeOf(file), placeOf(target)];
  if (places.indexOf(to) <= places.indexOf(from)) return null;
  return `${file}: ${from} may not import ${target}, as ${to} does not come before it`;
}
