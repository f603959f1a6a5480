import { readFileSync } from "node:fs";
import type { Violation } from "./parse.ts";

/** What this reads of a package-lock.json, and of the package.json beside it. */
export interface Lockfile {
  packages: Record<string, LockedPackage>;
}
export interface Manifest {
  allowScripts?: Record<string, boolean>;
}

interface LockedPackage {
  integrity?: string;
  /** Where it comes from: a folder of the repository, for a link or a workspace. Left out for a registry. */
  resolved?: string;
  link?: boolean;
  hasInstallScript?: boolean;
}

/**
 * The packages with a script that would run while they are installed. None is run: each of the two would only make its start
 * faster, and where the package of its platform is missing it would fetch a binary that no hash is known of.
 */
const WITH_INSTALL_SCRIPT = ["esbuild", "workerd"];

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** Packages that the lockfile does not pin by content, that name a server, or whose install script nobody has decided about. */
export function lockfileFaults({ packages }: Lockfile, { allowScripts = {} }: Manifest): Violation[] {
  const installed = Object.entries(packages).filter(([path]) => path.includes("node_modules/"));
  const faults = installed.flatMap(([path, locked]) => {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    if (locked.link) return [];
    return [
      ...(SHA512.test(locked.integrity ?? "") ? [] : [`package-lock.json: ${path} has no sha512 hash`]),
      ...(locked.resolved === undefined ? [] : [`package-lock.json: ${path} names the server that it comes from`]),
      ...(!locked.hasInstallScript || WITH_INSTALL_SCRIPT.includes(name)
        ? []
        : [`package-lock.json: ${path} has an install script`]),
    ];
  });
  const undecided = WITH_INSTALL_SCRIPT.filter((name) => allowScripts[name] !== false);
  const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name]);
  return [
    ...faults,
    ...undecided.map((name) => `package.json: allowScripts does not refuse the script of ${name}`),
    ...allowed.map((name) => `package.json: allowScripts lets ${name} run a script`),
  ];
}

/** The same of this repository's own files. */
export function lockfile(): Violation[] {
  const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
  return lockfileFaults(read("package-lock.json") as Lockfile, read("package.json") as Manifest);
}
