import { hostPatterns, type TargetRules } from "../../domain/target-url.ts";

/** Where targets may be in a test: anywhere, as in local development. */
export const ANY_TARGET: TargetRules = { allowPrivate: true, targetHosts: [], platformHosts: [] };

/** Where they may be in a deployment that has set no lists. */
export const PUBLIC_TARGETS: TargetRules = { ...ANY_TARGET, allowPrivate: false };

/** The same with the lists of a deployment, written as its variables have them. */
export function listedTargets(targetHosts: string, platformHosts = ""): TargetRules {
  return {
    allowPrivate: false,
    targetHosts: hostPatterns("TARGET_HOSTS", targetHosts),
    platformHosts: hostPatterns("PLATFORM_HOSTS", platformHosts),
  };
}
