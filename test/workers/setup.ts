import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect } from "vitest";
import { takeBreaches } from "../limits/breaches.ts";

/** Every test file starts with the tables of `migrations/` in its own empty database. */
const { DB, MIGRATIONS } = env as unknown as Env & { MIGRATIONS: D1Migration[] };
await applyD1Migrations(DB, MIGRATIONS);

/** What the code makes of a refusal is its own matter: that it came to one fails the test. */
afterEach(() => expect(takeBreaches(), "limits of the platform that were reached").toEqual([]));
