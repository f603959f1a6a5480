import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeEnvFile } from "../../scripts/env-file.ts";
import { ensureExampleQueue } from "../../scripts/example-queue.ts";
import { startHost } from "../../scripts/host.ts";
import { freePort, spawnPlatform } from "../../scripts/platform.ts";
import { copyWith } from "../docs/copy.ts";
import { type Page, pages, ROOT } from "../docs/pages.ts";
import { runPage } from "../docs/run-page.ts";

const key = "dure_root_of-the-documents-0123456789abcdef";

/** Runs a page with a state directory of its own. */
async function withState(run: (stateDir: string) => Promise<void>): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-docs-"));
  try {
    await run(stateDir);
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

const filesOf = ({ blocks }: Page) => blocks.filter((block) => block.kind === "file");
const changing = pages().filter((page) => filesOf(page).length > 0);
const reading = pages().filter((page) => filesOf(page).length === 0);

// How many run at once is the project's `maxConcurrency`.
describe.concurrent("each page, on a platform of its own,", () => {
  it.each(reading)("$path runs from top to bottom on an empty state, and prints what it shows", ({ blocks }) =>
    withState(async (stateDir) => {
      const { url, stop } = await startHost({ port: 0, rootKey: key, stateDir });
      try {
        await ensureExampleQueue({ url, key });
        const envFile = writeEnvFile(stateDir, { url, key });
        expect(await runPage(blocks, { folder: ROOT, envFile })).toEqual([]);
      } finally {
        await stop();
      }
    }),
  );

  it.each(changing)("$path does so in a copy that has the files which it asks for", (page) =>
    withState(async (stateDir) => {
      const folder = join(stateDir, "copy");
      copyWith(filesOf(page), ROOT, folder);
      const dure = join(folder, ".dure");
      const platform = await spawnPlatform({ port: await freePort(), rootKey: key, stateDir: dure, root: folder });
      try {
        expect(await runPage(page.blocks, { folder, envFile: join(dure, "env.sh") })).toEqual([]);
      } finally {
        await platform.end("SIGTERM");
      }
    }),
  );
});

it("a handler is one file and one line", () => {
  const page = changing.find(({ path }) => path === "docs/handlers.md");
  const files = page === undefined ? [] : filesOf(page);
  expect(files.map(({ path, whole, code }) => [path, whole || code.split("\n").length])).toEqual([
    ["workers/processor/handlers/slug.ts", true],
    ["contract/handlers.ts", 1],
  ]);
});
