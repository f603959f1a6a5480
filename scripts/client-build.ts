/** Builds the client into `client/dist`: `node scripts/client-build.ts`. With `--if-stale`, unless it is there and current. */
import { buildClient, ensureClient } from "./client-package.ts";

await (process.argv.includes("--if-stale") ? ensureClient() : buildClient());
