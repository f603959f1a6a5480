import { isProblem } from "../../../contract/problems.ts";
import { webhookPlace } from "../../crypto/places.ts";
import { primary } from "../../db/client.ts";
import {
  countNotUnder,
  type SealedTable,
  settingsUnder,
  webhookSecretsUnder,
  writeSealedSecret,
} from "../../db/sealed.ts";
import { openSecret } from "../../db/webhook-secrets.ts";
import { log, reasonOf } from "../log.ts";
import { queueResource } from "../queues/queue-config.ts";
import type { Services } from "../services.ts";
import { subscriptionResource } from "../subscriptions/subscription-config.ts";

/** In one run, a minute, of all kinds together: each makes four queries of D1 at most. Settings are a new version, which all shards are told of. */
const STEP = 30;
const STEP_MS = 20_000;
/** What `sealedBy` says of what is in clear. */
const CLEAR = "";

/**
 * Brings what is stored under the current master key: what was in clear before secrets were sealed, and while the key is being
 * changed, what is under the previous one. A bounded amount a run. Says in the log what was done and how much is left: when
 * nothing is, the previous key may go.
 */
export async function sealStored(services: Services, now: number): Promise<void> {
  const keys = await services.masterKeys.all();
  const [current, ...others] = keys.map(({ id }) => id);
  if (current === undefined) return;
  const until = Date.now() + STEP_MS;
  const run = { now, until, left: STEP };
  let sealed = 0;
  const kinds = [
    (keyId: string) => sealSettings(services, { table: "queues", keyId }, run),
    (keyId: string) => sealSettings(services, { table: "subscriptions", keyId }, run),
    (keyId: string) => sealWebhookSecrets(services, keyId, run),
  ];
  // Each run begins with another kind: what does not open must not use up what the others need.
  const first = Math.floor(now / 60_000) % kinds.length;
  for (const seal of [...kinds.slice(first), ...kinds.slice(0, first)]) {
    for (const keyId of [CLEAR, ...others.filter((id) => id !== current)]) sealed += await seal(keyId);
  }
  const left = await countNotUnder(primary(services.database), current);
  // While the key is being changed it says so each time, so that nobody has to guess from silence.
  if (sealed > 0 || left > 0 || others.length > 0) {
    log(left > 0 ? "warn" : "info", "secrets-sealed", { key: current, sealed, left });
  }
}

/** What one run may do: `left` goes down with each. */
interface Run {
  now: number;
  until: number;
  left: number;
}

async function sealSettings(
  services: Services,
  { table, keyId }: { table: SealedTable; keyId: string },
  run: Run,
): Promise<number> {
  if (run.left <= 0) return 0;
  const names = await settingsUnder(primary(services.database), table, { keyId, limit: run.left });
  const resource = table === "queues" ? queueResource(services) : subscriptionResource(services);
  let sealed = 0;
  for (const name of names) {
    if (Date.now() > run.until) break;
    run.left -= 1;
    const done = await resource.reseal(name, run.now);
    if (done === true) sealed += 1;
    else log("error", "not-sealed", { table, ...name, reason: isProblem(done) ? reasonOf(done) : "does not open" });
  }
  return sealed;
}

async function sealWebhookSecrets({ database, vault }: Services, keyId: string, run: Run): Promise<number> {
  if (run.left <= 0) return 0;
  const db = primary(database);
  let sealed = 0;
  for (const row of await webhookSecretsUnder(db, { keyId, limit: run.left })) {
    run.left -= 1;
    const { namespace } = row;
    const text = await openSecret(vault, row);
    if (text === null) {
      log("error", "not-sealed", { table: "webhook_secrets", namespace, reason: "does not open" });
      continue;
    }
    const secret = await vault.seal(webhookPlace(namespace), text);
    await writeSealedSecret(db, row, { secret, sealedBy: await vault.keyId() });
    sealed += 1;
  }
  return sealed;
}
