import { type Files, importedFiles, type Violation } from "./parse.ts";

const SHARD = "durable-objects/shard/";

/** The folder of the shard that knows no feature. */
export const KERNEL = "kernel";

/**
 * The topics of the shard on which others stand, one folder each. A topic may import the kernel and the topics before it. A
 * folder that is not on the list stands after all of them: nobody imports it, and it needs no place here.
 */
export const TOPICS: readonly string[] = [
  "namespaces",
  "queues",
  "jobs",
  "reservations",
  "flow",
  "lifecycle",
  "outbox",
  "reports",
  "transactions",
  "subscriptions",
  "schedules",
  "failed-jobs",
  "operations",
  "namespace-deletion",
  "doorbells",
  "audit",
];

/**
 * Arrows of import inside the shard that point the wrong way. Files directly in the shard's folder (the object, its
 * commands, the list of subsystems) may import every topic, and no topic may import them. `topics` names no folder that does
 * not exist.
 */
export function arrows(files: Files, topics: readonly string[] = TOPICS): Violation[] {
  const inside = [...files].filter(([file]) => file.startsWith(SHARD));
  const wrong = inside.flatMap(([file, text]) =>
    importedFiles(file, text).flatMap((target) => wrongArrow(topics, file, target) ?? []),
  );
  return [...absentFolders(topics, new Set(inside.flatMap(([file]) => folderOf(file) ?? []))), ...wrong];
}

/** The folder directly below the shard's in which a file lies, or null for a file that lies in none. */
function folderOf(file: string): string | null {
  const [folder, rest] = file.slice(SHARD.length).split("/");
  return rest === undefined ? null : (folder ?? null);
}

function absentFolders(topics: readonly string[], folders: ReadonlySet<string>): Violation[] {
  return [KERNEL, ...topics]
    .filter((folder) => !folders.has(folder))
    .map((folder) => `${SHARD}${folder}/: the list of topics names the folder, which does not exist`);
}

function wrongArrow(topics: readonly string[], file: string, target: string): Violation | null {
  const from = folderOf(file);
  if (from === null || !target.startsWith(SHARD)) return null;
  const to = folderOf(target);
  if (to === from) return null;
  if (from === KERNEL) return `${file}: the kernel may not import ${target}`;
  if (to === KERNEL) return null;
  if (to === null) return `${file}: a topic may not import ${target}, which knows every topic`;
  const place = topics.includes(from) ? topics.indexOf(from) : topics.length;
  return topics.slice(0, place).includes(to)
    ? null
    : `${file}: the topic ${from} may not import ${target}, as ${to} does not come before it`;
}
