/** `dure_root_` and the secret. More than 502 characters no `Authorization` header that the gateway reads could hold. */
const SHAPE = /^dure_root_([0-9A-Za-z_-]{32,502})$/;

/** Of 32 random characters out of 64 some 25 differ, and of as many hexadecimal digits 14: fewer than this are not random. */
const LEAST_DIFFERENT = 10;

const HOW = 'Make one with: echo "dure_root_$(openssl rand -hex 32)"';

export type RootKeyName = "DURE_ROOT_KEY" | "DURE_ROOT_KEY_PREVIOUS";

/**
 * What is wrong with a root key, as whole sentences that say how to make one and tell nothing of the key itself; null when
 * it is fit. It opens every namespace, so one that could be guessed is refused and not merely advised against.
 */
export function rootKeyFault(name: RootKeyName, key: string | undefined): string | null {
  const secret = SHAPE.exec(key ?? "")?.[1];
  if (secret === undefined) {
    const what = key === undefined || key === "" ? "is not set" : "is not fit to be a root key";
    return `${name} ${what}: it has to be "dure_root_" and at least 32 random characters out of letters, digits, "_" and "-". ${HOW}`;
  }
  if (new Set(secret).size >= LEAST_DIFFERENT) return null;
  return `${name} is not random: at least ${LEAST_DIFFERENT} different characters have to follow "dure_root_". ${HOW}`;
}
