/** Which instances of a service may be asked, and with what weight: what every strategy chooses from. */

/** What is known of an instance when one is chosen. */
export interface InstanceView {
  /** Names it. */
  url: string;
  weight: number;
  /** Whether it answers its probes and is not ejected. */
  available: boolean;
  /** For how long it has been so, in milliseconds. */
  sinceMs: number;
  /** What its answers take now, in milliseconds. Null: not known. */
  ewmaMs: number | null;
  /** Requests under way there, as far as whoever chooses knows. */
  inFlight: number;
}

/** An instance that may be asked. */
export interface Candidate {
  url: string;
  /** Above 0: its weight, less what it lacks while it starts slowly. */
  weight: number;
  ewmaMs: number | null;
  inFlight: number;
}

/** From this part of available instances on, those alone are asked (Envoy: `healthy_panic_threshold`, 50 percent). */
const PANIC_BELOW = 0.5;

/** An instance that is back gets its full weight after so long. */
const SLOW_START_MS = 10_000;
/** The part of its weight that it begins with (Envoy: `min_weight_percent`, 10 percent). */
const LEAST_PART = 0.1;

/**
 * Whether all instances are asked, whatever is known of them: with too few available, those would be run over by what the others
 * leave, and it is more likely that what says so is wrong
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold).
 */
export function inPanic(instances: readonly Pick<InstanceView, "available">[]): boolean {
  const available = instances.filter((instance) => instance.available).length;
  return available < instances.length * PANIC_BELOW;
}

/**
 * The part of its weight, above 0 and at most 1, that an instance has which came back `sinceMs` ago: it grows evenly
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start, with aggression 1).
 */
export function slowStartPart(sinceMs: number): number {
  return Math.min(1, Math.max(LEAST_PART, sinceMs / SLOW_START_MS));
}

/**
 * Those that may be asked, in the order of `instances`: the available ones, or all in a panic. `except` are not asked
 * where any other may be: a request that is sent again goes to another instance. Empty only where there is no instance.
 */
export function candidatesOf(
  instances: readonly InstanceView[],
  except: ReadonlySet<string> = new Set<string>(),
): Candidate[] {
  const panic = inPanic(instances);
  const mayBeAsked = instances.filter(({ available }) => panic || available);
  const others = mayBeAsked.filter(({ url }) => !except.has(url));
  return (others.length > 0 ? others : mayBeAsked).map(({ url, weight, sinceMs, ewmaMs, inFlight, available }) => ({
    url,
    weight: available ? weight * slowStartPart(sinceMs) : weight,
    ewmaMs,
    inFlight,
  }));
}
