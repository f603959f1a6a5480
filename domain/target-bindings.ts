/**
 * The bindings of the processor that targets may name. The gateway, which checks what is sent, has none of them, so a deployment lists
 * them in a variable of both Workers: "MAILER:worker, OUT:queue". What is not on the list no target can name.
 */

/** What a binding leads to: another Worker, by a service binding, or a Queue, by a producer binding. */
export const BINDING_KINDS = ["worker", "queue"] as const;
/** One of `BINDING_KINDS`. */
export type BindingKind = (typeof BINDING_KINDS)[number];

/** The bindings that targets may name, and what each leads to. */
export type TargetBindings = ReadonlyMap<string, BindingKind>;

/** A binding's name, as the contract takes it. */
const NAME = /^[A-Z][A-Z0-9_]{0,62}$/;

/** What Dure's own Workers have in their environments. A target that could name one would reach into Dure itself. */
const OWN = new Set([
  "SHARD",
  "DIRECTORY",
  "TRANSACTION",
  "SERVICE",
  "RATE_LIMITER",
  "DB",
  "CACHE",
  "HISTORY",
  "EVENTS",
  "INGEST",
  "DEAD",
  "KEY_LIMIT",
  "BAD_KEY_LIMIT",
  "SHARDS",
  "LOCATION",
  "JURISDICTION",
  "ALLOW_PRIVATE_TARGETS",
  "TARGET_HOSTS",
  "TARGET_BINDINGS",
  "PLATFORM_HOSTS",
  "RATE_LIMIT",
  "METRICS",
  "WAITS_PER_KEY",
  "WAITS_PER_NAMESPACE",
  "NAMESPACE_SHARE",
  "HOST_SHARE",
  "D1_MAX_BYTES",
  "PACKS",
  "MAX_CONNECTIONS",
  "SWEEP_MS",
  "WAIT_MS",
]);
/** Lanes, further databases of history, and secrets have numbers or words behind these. */
const OWN_PREFIXES = ["LANE_", "HISTORY_DB_", "DURE_"];

/** Whether the name is that of something in the environment of Dure's own Workers. */
export function isOwnBinding(name: string): boolean {
  return OWN.has(name) || OWN_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Why the text of TARGET_BINDINGS cannot be read, as a sentence; null when it can. */
export function targetBindingsFault(text: string): string | null {
  const seen = new Set<string>();
  for (const entry of entriesOf(text)) {
    const [name = "", kind] = parts(entry);
    if (!NAME.test(name) || !isKind(kind)) {
      return `TARGET_BINDINGS is a list of bindings with their kinds, separated by commas, such as "MAILER:worker, OUT:queue", not "${entry}".`;
    }
    if (isOwnBinding(name))
      return `TARGET_BINDINGS names ${name}, which is one of Dure's own: give the binding another name.`;
    if (seen.has(name)) return `TARGET_BINDINGS names ${name} twice.`;
    seen.add(name);
  }
  return null;
}

/** The bindings that the text of TARGET_BINDINGS lists. Throws an Error with the fault of a text that has one. */
export function parseTargetBindings(text: string): TargetBindings {
  const fault = targetBindingsFault(text);
  if (fault !== null) throw new Error(fault);
  return new Map(entriesOf(text).map((entry) => parts(entry) as [string, BindingKind]));
}

function entriesOf(text: string): string[] {
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function parts(entry: string): string[] {
  return entry.split(":").map((part) => part.trim());
}

function isKind(kind: string | undefined): kind is BindingKind {
  return BINDING_KINDS.some((known) => known === kind);
}
