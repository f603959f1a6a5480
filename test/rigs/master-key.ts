/** Master keys of tests, and what is made of them. */
import type { HttpTarget } from "../../domain/target-secrets.ts";
import { MasterKeys } from "../../workers/crypto/master-key.ts";
import { openTarget } from "../../workers/crypto/open-target.ts";
import type { TargetOwner } from "../../workers/crypto/places.ts";
import { Vault } from "../../workers/crypto/vault.ts";

/** The master key of every rig. */
export const MASTER_KEY = `dure_master_${"A".repeat(43)}`;
/** Another one. */
export const OTHER_MASTER_KEY = `dure_master_${"B".repeat(42)}A`;

export function masterKeys(current = MASTER_KEY, previous?: string): MasterKeys {
  return new MasterKeys({ current, previous });
}

export function testVault(current = MASTER_KEY, previous?: string): Vault {
  return new Vault(masterKeys(current, previous));
}

/** Opens targets that are sealed under `vault`, each anew. */
export function testTargets(vault = testVault()) {
  return (owner: TargetOwner, target: HttpTarget) => openTarget(vault, owner, target);
}
