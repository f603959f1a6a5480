import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writeEnvFile } from "../../scripts/env-file.ts";
import { ensureExampleQueue } from "../../scripts/example-queue.ts";
import { startHost } from "../../scripts/host.ts";
import { pages, ROOT } from "../docs/pages.ts";
import { runPage } from "../docs/run-page.ts";

const key = "dure_root_of-the-documents-0123456789abcdef";

it.each(pages())("$path runs from top to bottom on an empty state, and prints what it shows", async ({ blocks }) => {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-docs-"));
  const { url, stop } = await startHost({ port: 0, rootKey: key, stateDir });
  try {
    await ensureExampleQueue({ url, key });
    const envFile = writeEnvFile(stateDir, { url, key });
    expect(await runPage(blocks, { folder: ROOT, envFile })).toEqual([]);
  } finally {
    await stop();
    rmSync(stateDir, { recursive: true });
  }
});
