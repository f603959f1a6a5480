/**
 * What Dure's own secrets look like wherever they stand. A text that somebody may read, as a log or what the platform prints,
 * has none of them.
 */
const SHAPES: Record<string, RegExp> = {
  token: /dure_[0-9a-z]{20}_[0-9A-Za-z]{43}/,
  // The runtime names objects so, in lines of its own.
  hash: /(?<!actorId = )\b[0-9a-f]{64}\b/,
  lease: /lease_[0-7][0-9a-hjkmnp-tv-z]{25}_\d+_[0-9a-f]{16}/,
  webhookSecret: /whsec_/,
  masterKey: /dure_master_/,
  sealed: /sealed\.v1\./,
};

/** Which of them a text has, and which of the canaries (by name) that were planted. */
export function secretsIn(text: string, canaries: Record<string, string> = {}): string[] {
  return [
    ...Object.entries(canaries).flatMap(([name, canary]) => (text.includes(canary) ? [name] : [])),
    ...Object.entries(SHAPES).flatMap(([name, shape]) => (shape.test(text) ? [name] : [])),
  ];
}
