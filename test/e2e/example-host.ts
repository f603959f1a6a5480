import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dure } from "../../client/src/index.ts";
import type { Host, HostOptions } from "../../scripts/host.ts";
import { readWorkerConfig } from "../../scripts/worker-options.ts";
import { startLimitedHost } from "./limited-host.ts";

const ROOT = join(import.meta.dirname, "../..");
const ROOT_KEY = "dure_root_of-the-examples-0123456789abcdefghijkl";

export interface ExampleHost {
  /** A client of Dure over HTTP, with the root key. */
  dure: Dure;
  /** A request to the first example's own HTTP handler: `fetch("/path", init)`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  host: Host;
  /** The root key of this platform, for calls that the client does not have. */
  key: string;
  /** Ends the platform and removes its state. */
  stop(): Promise<void>;
}

/**
 * The whole platform with Workers of `examples/` beside it, in one workerd, on free ports and with state of its own. The
 * examples' bindings are real: their services, and the queues that they send to or consume.
 *
 * ```ts
 * const example = await startExample(["ingest"], {
 *   // Optional; by the Worker's name. The processor gets a queue of the user's, and a lane's consumer is taken off it.
 *   overlays: { "dure-processor": { producers: { OUT: "orders" }, consumers: { "dure-slow": null } } },
 * });
 * await example.dure.queues.put("texts", { target: { type: "handler", name: "wordcount" } });
 * const response = await example.fetch("/texts", { method: "POST", body: "…" });
 * await example.stop();
 * ```
 *
 * `names` are folders of `examples/`, each with a wrangler.toml; `others` are paths of further ones. A queue may have one consumer
 * among all Workers.
 */
export async function startExample(
  names: [string, ...string[]],
  options: Pick<HostOptions, "overlays" | "vars" | "others"> = {},
): Promise<ExampleHost> {
  const stateDir = mkdtempSync(join(tmpdir(), "dure-example-"));
  const configOf = (name: string) => join(ROOT, "examples", name, "wrangler.toml");
  const others = [...names.map(configOf), ...(options.others ?? [])];
  try {
    const host = await startLimitedHost({ ...options, port: 0, rootKey: ROOT_KEY, stateDir, others });
    const url = await host.urlOf(readWorkerConfig(configOf(names[0])).name);
    return {
      dure: new Dure({ url: host.url, key: ROOT_KEY }),
      fetch: (path, init) => fetch(url + path, init),
      host,
      key: ROOT_KEY,
      stop: async () => {
        await host.stop();
        rmSync(stateDir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(stateDir, { recursive: true, force: true });
    throw error;
  }
}
