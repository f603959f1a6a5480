import { resolve } from "node:path";
import { rootKeyFault } from "../domain/root-key.ts";
import { MasterKeys, masterKeyTexts } from "../workers/crypto/master-key.ts";
import { ensureClient } from "./client-package.ts";
import { shellQuoted, writeEnvFile } from "./env-file.ts";
import { ensureExampleQueue } from "./example-queue.ts";
import type { Host } from "./host.ts";
import { localMasterKey, localRootKey, openState, UnreadableState } from "./state.ts";
import { lockState, StateInUse, type StateLock } from "./state-lock.ts";

/**
 * `npm start`: the whole platform on this machine, until Ctrl-C.
 * PORT (8787), HOST (127.0.0.1), DURE_STATE_DIR (.dure), DURE_ROOT_KEY and DURE_MASTER_KEY (made once, kept in the state
 * directory), DURE_ROOT_KEY_PREVIOUS and DURE_MASTER_KEY_PREVIOUS while that one is being changed, and METRICS (key).
 */
const READY_MS = 30_000;

const port = Number(process.env.PORT ?? 8787);
const address = process.env.HOST ?? "127.0.0.1";
const stateDir = resolve(process.env.DURE_STATE_DIR ?? ".dure");

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

/** Before anything is read or made there: of two first starts the second must neither make keys nor touch a file. */
function takeState(): StateLock {
  try {
    openState(stateDir);
    return lockState(stateDir);
  } catch (error) {
    if (error instanceof UnreadableState) fail(error.message);
    if (error instanceof StateInUse) fail(`${error.message}. Stop it, or set DURE_STATE_DIR to another directory.`);
    throw error;
  }
}

if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`PORT is not a port: ${process.env.PORT}`);
const lock = takeState();
const rootKey = localRootKey(stateDir, process.env);
const masterKeys = new MasterKeys(
  masterKeyTexts({ ...process.env, DURE_MASTER_KEY: localMasterKey(stateDir, process.env) }),
);
const previousKey = process.env.DURE_ROOT_KEY_PREVIOUS || null;
const fault =
  rootKeyFault("DURE_ROOT_KEY", rootKey) ??
  (previousKey === null ? null : rootKeyFault("DURE_ROOT_KEY_PREVIOUS", previousKey)) ??
  masterKeys.fault;
if (fault !== null) fail(fault);
const vars = previousKey === null ? {} : { DURE_ROOT_KEY_PREVIOUS: previousKey };
// Not before all that may be refused has been: to load the runtime takes a second.
const [{ startHost, UnreadableVariable }, { MigrationFailed }] = await Promise.all([
  import("./host.ts"),
  import("./d1-migrations.ts"),
  // For `examples/`, where the sources are newer than what `npm ci` has built.
  ensureClient(),
]);

let stopping = false;

function stopOnSignals(host: Host): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal); // Miniflare's own would exit at once, with a failure.
    process.on(signal, () => void stop(host));
  }
}

async function stop(host: Host): Promise<void> {
  if (stopping) return;
  stopping = true;
  await host.stop();
  console.log("\nStopped. The state stays in", stateDir);
  process.exit(0);
}

async function ready(url: string): Promise<void> {
  const until = Date.now() + READY_MS;
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const body = await response.text();
    if (response.ok && JSON.parse(body).status === "ok") return;
    if (Date.now() > until) fail(`Dure did not become ready in ${READY_MS / 1000} s. /readyz says: ${body}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

const host = await startHost({ port, address, rootKey, stateDir, vars, lock }).catch((error: unknown) => {
  if (error instanceof MigrationFailed || error instanceof UnreadableVariable) fail(error.message);
  if (error instanceof StateInUse) fail(`${error.message}. It was started in the same instant.`);
  if (error instanceof Error && "code" in error && error.code === "ERR_ADDRESS_IN_USE")
    fail(`Port ${port} is in use. Stop what listens there, or choose another: PORT=8788 npm start`);
  throw error;
});
stopOnSignals(host);
await ready(host.url);
await ensureExampleQueue({ url: host.url, key: rootKey }).catch((error: Error) => fail(error.message));

const envFile = writeEnvFile(stateDir, { url: host.url, key: rootKey });

console.log(`
Dure is running. Ctrl-C stops it; its state stays in ${stateDir}

  API    ${host.url}/v1
  Docs   ${host.url}/docs#key=${rootKey}
  Key    ${rootKey}

Try it, in another terminal. The first line sets the variables that the README and the guides use:

  . ${shellQuoted(envFile)}
  curl -s $DURE_URL/v1/jobs -H "$AUTH" -H "$JSON" -H "Prefer: wait=10" -d '{"queue": "wordcount", "payload": {"text": "many hands make light work"}}' | json
`);
