import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

/** Every test file starts with the tables of `migrations/` in its own empty database. */
const { DB, MIGRATIONS } = env as unknown as Env & { MIGRATIONS: D1Migration[] };
await applyD1Migrations(DB, MIGRATIONS);
