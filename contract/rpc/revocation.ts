/** What the Directory remembers of API keys that were revoked, for when D1 does not answer. */

/** A key, as it is named where its namespace matters: whoever revokes may do so in that namespace alone. */
export interface RevokedKey {
  namespace: string;
  keyId: string;
}

export interface RevokeRequest extends RevokedKey {
  v: number;
}

export interface Revocations {
  /** Keys whose revocation is noted; whatever such a key has made is revoked with it. */
  keys: RevokedKey[];
  /** Every revocation that was noted since then is among them, epoch ms by the Directory's clock. */
  completeSince: number;
}
