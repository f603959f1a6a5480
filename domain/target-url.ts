import { isAddress, specialAddress } from "./special-address.ts";
import { isOn } from "./variable.ts";

/**
 * Which URLs an HTTP target may have. The rule is by the URL's own text: it stops literal private addresses in
 * every notation (the WHATWG parser has already brought those to one form) and names that mean the local network.
 * What a public name resolves to is for the network through which it is sent.
 */

/** Names that only ever resolve inside a machine or a private network (RFC 6761, 6762, 8375, ICANN's `.internal`). */
const LOCAL_SUFFIXES = ["localhost", "local", "internal", "home.arpa", "lan", "intranet", "corp", "home", "private"];

/** Below it lie services of other protocols (mail, DNS, databases' old ports), which would be sent text of somebody's choice. */
const FIRST_FREE_PORT = 1024;

/** What a deployment says about where its targets may be. */
export interface TargetRules {
  /** Any address, local name and port may be called: local development. The two lists hold all the same. */
  readonly allowPrivate: boolean;
  /** Only these hosts may be called; empty: any. */
  readonly targetHosts: readonly HostPattern[];
  /** These hosts may not be called: the platform's own. */
  readonly platformHosts: readonly HostPattern[];
}

/** The rules of a deployment by its variables. Throws an Error with a sentence where a list cannot be read. */
export function targetRulesOf(variables: {
  ALLOW_PRIVATE_TARGETS: string;
  TARGET_HOSTS?: string;
  PLATFORM_HOSTS?: string;
}): TargetRules {
  return {
    allowPrivate: isOn(variables.ALLOW_PRIVATE_TARGETS),
    targetHosts: hostPatterns("TARGET_HOSTS", variables.TARGET_HOSTS ?? ""),
    platformHosts: hostPatterns("PLATFORM_HOSTS", variables.PLATFORM_HOSTS ?? ""),
  };
}

/** One host, or every host below one. */
export interface HostPattern {
  /** As a URL has it: lower case, in Punycode, without a dot at the end. */
  readonly host: string;
  /** `*.host`: the names that end in `.host`, and not the host itself. */
  readonly below: boolean;
}

/**
 * The hosts in a list, separated by commas: `example.com` is that host, `*.example.com` every name below it. Throws an Error
 * with a sentence that begins with `variable` for anything else: a rule that is not understood must not be left out.
 */
export function hostPatterns(variable: string, text: string): HostPattern[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "").map((entry) => hostPattern(variable, entry));
}

function hostPattern(variable: string, entry: string): HostPattern {
  const below = entry.startsWith("*.");
  const name = below ? entry.slice(2) : entry;
  const parsed = /[/?#@\\\s*]/.test(name) ? null : parse(`https://${name}`);
  // A port would be left out by `hostname`: the text after the last colon of a name is one, or a part of an address.
  const hasPort = /:\d*$/.test(name);
  if (parsed === null || hasPort) {
    throw new Error(
      `${variable} is a list of hosts separated by commas, such as "example.com, *.example.org", not "${entry}".`,
    );
  }
  return { host: bareHost(parsed.hostname), below };
}

/** The rules for a request that came to `host`: the platform must not call itself by that name either. Null: it came to none. */
export function alsoRefusing(rules: TargetRules, host: string | null): TargetRules {
  // A local platform has its host, mostly 127.0.0.1, in common with everything else on the machine.
  if (host === null || rules.allowPrivate) return rules;
  return { ...rules, platformHosts: [...rules.platformHosts, { host: bareHost(host), below: false }] };
}

/** Null when `url` may be a target, else why not, as a clause for people ("it names a loopback address"). */
export function refusedTarget(url: string, rules: TargetRules): string | null {
  const parsed = parse(url);
  if (parsed === null) return "it is not a URL";
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") return "only http and https can be called";
  if (parsed.port === "0") return "its port is 0, on which nothing can be called";
  return (rules.allowPrivate ? null : notPublic(parsed)) ?? notListed(bareHost(parsed.hostname), rules);
}

/**
 * The host and port that a URL leads to, as far as its text says: names in other letters, with a dot at the end, or with the
 * scheme's own port written out are the same. What is no URL is a host of its own.
 */
export function hostOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url;
  const port = parsed.port === "" ? (parsed.protocol === "https:" ? "443" : "80") : parsed.port;
  return `${parsed.hostname.replace(/\.$/, "")}:${port}`;
}

function parse(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

/** A dot at the end makes a name absolute; it is the same host. */
function bareHost(hostname: string): string {
  return (hostname.endsWith(".") ? hostname.slice(0, -1) : hostname).toLowerCase();
}

function notPublic(url: URL): string | null {
  if (url.username !== "" || url.password !== "") return "it carries a user name or password";
  const special = specialAddress(url.hostname);
  if (special !== null) return `it names ${special}`;
  return (isAddress(url.hostname) ? null : refusedName(bareHost(url.hostname))) ?? refusedPort(url.port);
}

function refusedName(name: string): string | null {
  const labels = name.split(".");
  if (labels.includes("")) return "its host name has an empty label";
  for (const suffix of LOCAL_SUFFIXES) {
    if (name === suffix || name.endsWith(`.${suffix}`)) return "it names a host of a local network";
  }
  return labels.length < 2 ? "its host is a single name, not a public one" : null;
}

/** `port` is empty where it is the scheme's own. */
function refusedPort(port: string): string | null {
  if (port === "" || port === "80" || port === "443" || Number(port) >= FIRST_FREE_PORT) return null;
  return `its port is ${port}, and only 80, 443 and those from ${FIRST_FREE_PORT} on can be called`;
}

function notListed(host: string, { targetHosts, platformHosts }: TargetRules): string | null {
  const isOn = (list: readonly HostPattern[]) => list.some((pattern) => matches(pattern, host));
  if (isOn(platformHosts)) return "it names a host of the platform itself";
  return targetHosts.length > 0 && !isOn(targetHosts) ? "its host is not one that the deployment lets be called" : null;
}

function matches({ host, below }: HostPattern, name: string): boolean {
  return below ? name.endsWith(`.${host}`) : name === host;
}
