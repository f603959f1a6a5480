/** One isolate that knows API keys, over D1 on SQLite in memory and a Directory that a test makes up. */
import { sha256Hex } from "../../contract/hash.ts";
import { isProblem } from "../../contract/problems.ts";
import type { RevokedKey } from "../../contract/rpc.ts";
import { over } from "../../workers/db/client.ts";
import { insertKey, type KeyRow, revokeKeys } from "../../workers/db/keys.ts";
import { Authenticator } from "../../workers/gateway/access/auth.ts";
import type { LookUpBudget } from "../../workers/gateway/access/rate-limit.ts";
import { RecentRevocations } from "../../workers/gateway/access/revocations.ts";
import { makeKeyId, makeToken, TokenSeal } from "../../workers/gateway/access/token.ts";
import { d1, openHistory } from "../simulation/d1-stand-in.ts";

export const ROOT_KEYS = {
  current: "dure_root_of-the-auth-rig-0123456789abcdefghijkl",
  previous: "dure_root_of-the-rig-before-0123456789abcdefghijk",
};
/** Of how many keys the isolate knows something. */
export const ROOM = 30;
/** When every rig starts. */
export const START = Date.UTC(2026, 10, 22);

/** What becomes of a call: it is answered, it fails, or nobody ever answers. */
type Health = "up" | "down" | "hangs";

export class AuthRig {
  readonly #db = openHistory();
  now = START;
  database: Health = "up";
  directory: Health = "up";
  /** Look-ups that reached D1. */
  lookUps = 0;
  /** What the Directory says. */
  revoked: RevokedKey[] = [];
  completeSince = 0;
  /** How often the Directory was asked. */
  heard = 0;
  readonly seal = new TokenSeal(async () => new Uint8Array(32).fill(7));
  readonly auth = new Authenticator(
    {
      database: d1(this.#db, (work) => {
        this.lookUps++;
        return outcome(this.database, work);
      }),
      revocations: new RecentRevocations(() => ({
        noteRevocation: () => outcome(this.directory, () => null),
        revocations: () => {
          this.heard++;
          return outcome(this.directory, () => ({ keys: this.revoked, completeSince: this.completeSince }));
        },
      })),
      seal: this.seal,
      rootKeys: ROOT_KEYS,
    },
    ROOM,
  );

  /** A key that works, with its token. `bare`: of before tokens had a seal. */
  async key(row: Partial<KeyRow> & { bare?: true } = {}): Promise<{ id: string; token: string }> {
    const { bare, ...fields } = row;
    const id = fields.id ?? makeKeyId(this.now, random);
    const sealed = await makeToken(id, random, this.seal);
    const token = bare ? sealed.slice(0, sealed.indexOf("-")) : sealed;
    const plain = { namespace: "default", name: "a key", scopes: ["read"], createdAt: this.now, expiresAt: null };
    const none = { revokedAt: null, parent: null, ancestors: [], lastUsedAt: null };
    await insertKey(this.#queries(), { ...plain, ...none, ...fields, id, hash: await sha256Hex(token) });
    return { id, token };
  }

  /** Revokes keys of the namespace `default` in D1 alone. */
  revoke(...keyIds: string[]): Promise<string[]> {
    const keys = keyIds.map((keyId) => ({ namespace: "default", keyId }));
    return revokeKeys(this.#queries(), keys, this.now);
  }

  /** Who calls with the token: the id of the key, null, or the status of the problem. */
  async who(token: string, budget: LookUpBudget | null = null): Promise<string | number | null> {
    const caller = await this.auth.identify(token, this.now, budget);
    if (isProblem(caller)) return caller.status;
    return caller?.keyId ?? null;
  }

  #queries() {
    return over(d1(this.#db));
  }
}

/** A token of the shape of before the seal, which was never made. */
export function bareToken(n: number): string {
  return `dure_${"g".repeat(20)}_${String(n).padStart(43, "0")}`;
}

function random(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
}

async function outcome<T>(health: Health, work: () => T): Promise<T> {
  if (health === "down") throw new Error("away");
  if (health === "hangs") return new Promise(() => undefined);
  return work();
}
