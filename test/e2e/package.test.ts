import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureClient } from "../../scripts/client-package.ts";
import { type Host, startHost } from "../../scripts/host.ts";

/** The client as a user has it: packed, installed into an empty folder, type-checked, run, and bundled into a Worker. */

const ROOT = join(import.meta.dirname, "../..");
const BIN = join(ROOT, "node_modules/.bin");
const ROOT_KEY = "dure_root_of-the-package-0123456789abcdefghijkl";
const run = promisify(execFile);

const folder = mkdtempSync(join(tmpdir(), "dure-package-"));
const project = join(folder, "project");
let host: Host;

/** The blocks of the client's README that are in a language. */
function blocks(language: string): string[] {
  const readme = readFileSync(join(ROOT, "client/README.md"), "utf8");
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);
}

/** The machine's own Node, whatever its version, and the one that the repository brings. */
function nodes(): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
  const own = folders.map((path) => join(path, "node")).find((path) => existsSync(path));
  return [...(own === undefined ? [] : [own]), join(BIN, "node")];
}

beforeAll(async () => {
  await ensureClient();
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const options = { cwd: join(ROOT, "client"), env: { ...process.env, npm_config_cache: join(folder, "cache") } };
  const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], options);
  const [tarball] = Object.values(JSON.parse(packed.stdout) as { filename: string }[]);
  const install = ["install", "--offline", "--no-audit", "--no-fund", join(folder, tarball?.filename ?? "")];
  await run("npm", install, { ...options, cwd: project });
  host = await startHost({ port: 0, rootKey: ROOT_KEY, stateDir: join(folder, "state") });
  const headers = { authorization: `Bearer ${ROOT_KEY}`, "content-type": "application/json" };
  const body = JSON.stringify({ target: { type: "handler", name: "wordcount" } });
  await fetch(`${host.url}/v1/queues/wordcount`, { method: "PUT", headers, body });
});
afterAll(async () => {
  await host?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("the package has what is built, and nothing else", () => {
  const installed = join(project, "node_modules/@dure/client");
  for (const file of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts"])
    expect(existsSync(join(installed, file)), file).toBe(true);
  for (const file of ["src", "tsconfig.json", "node_modules"])
    expect(existsSync(join(installed, file)), file).toBe(false);
});

/** Each line that does not compile is one of these, and nothing else is. */
const WRONG = [
  "new Dure().queue(mails).submit({ to: 7 });",
  "new Dure().worker(mails, () => ({ messageId: 7 }));",
  'export const wrong = (error: DureError) => error.code === "no-such-code";',
  "new Dure().submit({ payload: 1, dealy: 5 });",
];

it("the README's code compiles, strictly, as a module of Node and for a bundler; what is wrong does not", async () => {
  const files = [...blocks("ts").map((code) => [code, "ts"]), ...blocks("js").map((code) => [code, "mjs"])].map(
    ([code = "", ending], i) => {
      writeFileSync(join(project, `block-${i}.${ending}`), code);
      return `block-${i}.${ending}`;
    },
  );
  expect(files.length).toBeGreaterThan(4);
  const head = ['import { Dure, type DureError, defineQueue } from "@dure/client";'];
  head.push('const mails = defineQueue<{ to: string }, { messageId: string }>("mails");');
  writeFileSync(join(project, "wrong.ts"), [...head, ...WRONG].join("\n"));
  const outputs = await Promise.all(
    Object.entries({ nodenext: "nodenext", bundler: "es2022" }).map(([moduleResolution, module]) =>
      errorsOf({ moduleResolution, module }, [...files, "wrong.ts"]),
    ),
  );
  const expected = WRONG.map((_, i) => `wrong.ts(${i + 1 + head.length}`);
  expect(outputs).toEqual([expected, expected]);
});

/** Where the compiler finds errors, each line once. */
async function errorsOf(resolution: { moduleResolution: string; module: string }, files: string[]): Promise<string[]> {
  const compilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true, types: [] },
    ...{ target: "es2022", lib: ["es2022", "dom"], allowJs: true, checkJs: true, ...resolution },
  };
  const config = `tsconfig.${resolution.moduleResolution}.json`;
  writeFileSync(join(project, config), JSON.stringify({ compilerOptions, files }));
  const options = { cwd: project };
  const { stdout } = await run(join(BIN, "tsc"), ["-p", config], options).catch((error: { stdout: string }) => error);
  const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith(" "));
  return [...new Set(lines.map((line) => line.split(",")[0] ?? ""))];
}

it("the README's examples run under the machine's Node and under the repository's", async () => {
  const [first = "", joined = "", worker = ""] = blocks("js");
  writeFileSync(join(project, "first.mjs"), first);
  writeFileSync(join(project, "joined.mjs"), joined);
  writeFileSync(join(project, "worker.mjs"), worker);
  const options = { cwd: project, env: { ...process.env, DURE_URL: host.url, DURE_KEY: ROOT_KEY } };
  const outputs = await Promise.all(
    nodes().map(async (node) => {
      const version = await run(node, ["--version"]);
      const [submit, many, work] = await Promise.all(
        ["first.mjs", "joined.mjs", "worker.mjs"].map((script) => run(node, [script], options)),
      );
      const said = work?.stdout.trim().split("\n").slice(0, 2);
      return [version.stdout.trim(), submit?.stdout, many?.stdout.trim(), said];
    }),
  );
  for (const output of outputs)
    expect(output).toEqual([
      expect.stringMatching(/^v\d+/),
      expect.stringContaining("words: 5,"),
      "2",
      [`dure: claims jobs of the queue mails at ${host.url}, 10 at once`, "message for a@b"],
    ]);
  expect(outputs.length).toBeGreaterThan(0);
});

it("a Worker bundles it, and calls Dure with it", async () => {
  const entry = join(project, "worker.js");
  writeFileSync(
    entry,
    `import { Dure } from "@dure/client";
     import { consumer } from "@dure/client/consumer";
     import { verifyWebhook, WebhookVerificationError } from "@dure/client/webhooks";
     const { queue } = consumer({ handlers: { q: () => null } });
     export default {
       queue,
       async fetch(request, { DURE_URL: url, DURE_KEY: key }) {
         const refusal = await verifyWebhook(request, "whsec_AAAA").catch((error) => error);
         const { words } = await new Dure({ url, key }).queue("wordcount").submit({ text: "one two" }).result();
         return Response.json({ words, refused: refusal instanceof WebhookVerificationError });
       },
     };`,
  );
  const contents = await bundled(entry);
  const workers = [
    {
      name: "user",
      modules: [{ type: "ESModule" as const, path: "index.js", contents }],
      compatibilityDate: "2026-11-01",
      bindings: { DURE_URL: host.url, DURE_KEY: ROOT_KEY },
    },
  ];
  const worker = new Miniflare(convertV4MiniflareOptions({ workers, cf: false, telemetry: { enabled: false } }));
  try {
    const response = await worker.dispatchFetch("http://worker/");
    expect(await response.json()).toEqual({ words: 2, refused: true });
  } finally {
    await worker.dispose();
  }
});

async function bundled(entry: string): Promise<string> {
  const conditions = ["workerd", "worker"];
  const { outputFiles } = await build({ bundle: true, write: false, format: "esm", conditions, entryPoints: [entry] });
  return outputFiles[0]?.text ?? "";
}
