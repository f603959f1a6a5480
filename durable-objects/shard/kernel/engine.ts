import { isPlatformFault } from "../../../domain/fault.ts";
import { type Migration, migrate } from "../../migrate.ts";
import type { Sql } from "../../sql.ts";
import type { AnyPart, Part, PartContext } from "./part.ts";
import { type Aside, QUARANTINE, type Rows, walk } from "./quarantine.ts";
import { Step } from "./step.ts";
import type { Subsystem } from "./subsystem.ts";

/** If everything else fails, the shard looks again after this long. */
const SAFETY_MS = 30_000;
/** A deadline whose work fails is tried again after this long, as long as it lies in the past. */
const RETRY_MS = 5_000;
/** A shard with nothing to do looks again after this long, in place of the safety alarm. */
const IDLE_MS = 3_600_000;

/** What an engine touches outside itself. Time and chance come in here and nowhere else. */
export interface EnginePorts {
  sql: Sql;
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Makes the object wake at `at` (epoch milliseconds), in place of any earlier request. Durable with the writes around it. */
  setAlarm(at: number): void;
  /** A row is set aside, because work on it throws. Never throws. */
  setAside?(aside: Aside): void;
  /** Parts that are made in another way than they declare. */
  replaced?: ReadonlyMap<AnyPart, unknown>;
}

/** Subsystems as rows: one whose own code throws stops no other. */
const SUBSYSTEM: Rows<Subsystem> = { kind: "subsystem", keyOf: ({ name }) => name, nests: true };

/** A step is repeated so often, each time without more of the rows at which it throws. */
const MOST_SEARCHES = 100;

/** The kind of subsystems that throw after a step. */
const AFTER_STEP = "after each step";

/** Thrown to undo a step that only looked for rows that throw. */
const UNDO = Symbol("undo");

/** A step that has committed, and what it answered. */
interface Done<T> {
  step: Step;
  result: T;
}

/**
 * What every step of a shard has in common: one transaction; then memory, bells and the alarm follow the rows. The alarm is
 * derived, never trusted: it is worked out anew from the rows when the object starts.
 */
export class Engine implements PartContext {
  readonly name: string;
  readonly sql: Sql;
  readonly startedAt: number;
  readonly subsystems: readonly Subsystem[];
  /** What the alarm is set to, epoch milliseconds; null when it is not. Never later than the soonest deadline. */
  armedAt: number | null = null;
  #ports: EnginePorts;
  #parts: { made: unknown }[] = [];
  /** Those that have a say in what may start, in their order. */
  #deciders: readonly Subsystem[];
  #afterStep: readonly Subsystem[];
  #onStep: (step: Step) => void = () => undefined;
  /** Work may be due though the alarm lies ahead: the last run of the clock did not come to its end. */
  #behind = true;
  /** The clock runs: what its steps ask of the alarm is worked out anew when they are done. */
  #gathers = false;
  /** When the first of the rows is tried again that were set aside since the alarm was last set; infinite when none was. */
  #retryBy = Number.POSITIVE_INFINITY;
  /** The latest moment of any step. The rows may know of later ones, written before this object started. */
  #latest = Number.POSITIVE_INFINITY;

  constructor(name: string, ports: EnginePorts, subsystems: readonly Subsystem[]) {
    this.name = name;
    this.#ports = ports;
    this.sql = ports.sql;
    this.startedAt = ports.now();
    this.subsystems = subsystems;
    this.#deciders = subsystems.filter(({ ticksBeforeClaims, clampToClock }) => ticksBeforeClaims || clampToClock);
    migrate(
      this.sql,
      subsystems.flatMap(({ schema }): readonly Migration[] => schema ?? []),
    );
    this.get(QUARANTINE).listen((aside) => {
      this.#retryBy = Math.min(this.#retryBy, aside.until);
      ports.setAside?.(aside);
    });
    for (const { memory } of subsystems) for (const part of memory ?? []) this.#loaded(part);
    this.#afterStep = subsystems.filter(({ afterStep }) => afterStep !== undefined);
    // The alarm may have been lost with the last instance: it is set anew from the rows.
    this.#rearm(this.#nextDeadline(this.now()));
  }

  now(): number {
    return this.#ports.now();
  }

  get<T>(part: Part<T>): T {
    return this.#loaded(part).made as T;
  }

  #loaded(part: AnyPart): { made: unknown } {
    return this.#parts[part.index] ?? this.#load(part);
  }

  #load(part: AnyPart): { made: unknown } {
    const { replaced } = this.#ports;
    const entry = { made: replaced?.has(part) ? replaced.get(part) : part.make(this) };
    this.#parts[part.index] = entry;
    return entry;
  }

  /** `listener` is told of every step that has committed. */
  listen(listener: (step: Step) => void): void {
    this.#onStep = listener;
  }

  /**
   * One atomic step. What it throws has undone it, and leaves nothing behind. Where a row that it walks over (`walk`) is at
   * fault, that is set aside and the step is run again without it: so `run` may be called several times.
   */
  step<T>(run: (step: Step) => T): T {
    return this.#after(this.#repeated(run));
  }

  /** The transaction of a step, as often as it takes to find the rows at which it throws. */
  #repeated<T>(run: (step: Step) => T): Done<T> {
    const quarantine = this.get(QUARANTINE);
    try {
      for (let searches = 0; ; searches++) {
        try {
          return this.#committed(run);
        } catch (error) {
          const mayBeOfRow = searches < MOST_SEARCHES && !isPlatformFault(error);
          if (!mayBeOfRow || !quarantine.search(() => this.#undone(run), this.now())) throw error;
        }
      }
    } finally {
      quarantine.endSearch();
    }
  }

  #committed<T>(run: (step: Step) => T): Done<T> {
    const step = this.#newStep();
    const result = this.sql.transaction(() => {
      const done = run(step);
      step.finish();
      return done;
    });
    return { step, result };
  }

  /** What follows from a step that has committed, and is not repeated when it throws. */
  #after<T>({ step, result }: Done<T>): T {
    // First of all, so that no deadline is left without an alarm by what comes after.
    this.#arm(step.alarmBy);
    this.armForRetries();
    step.commit();
    this.#rearm(step.alarmBy);
    this.#onStep(step);
    return result;
  }

  /** Runs a step to its end, and undoes it. */
  #undone<T>(run: (step: Step) => T): void {
    const step = this.#newStep();
    try {
      this.sql.transaction(() => {
        run(step);
        step.finish();
        throw UNDO;
      });
    } catch (error) {
      if (error !== UNDO) throw error;
    }
  }

  /**
   * One step of the clock. Where it throws, its rows are worked on one by one, each in a step of its own, so that it comes on
   * whatever a row does, and whatever several do together. True when more is due.
   */
  #tick(run: (step: Step) => boolean): boolean {
    let done: Done<boolean>;
    try {
      done = this.#committed(run);
    } catch (error) {
      if (isPlatformFault(error) || !this.#tickRowByRow(run)) throw error;
      return true;
    }
    return this.#after(done);
  }

  /** False when no row is at fault, and none was worked on. */
  #tickRowByRow(run: (step: Step) => boolean): boolean {
    const quarantine = this.get(QUARANTINE);
    let worked = 0;
    const each = () => {
      this.#after(this.#committed(run));
      worked += 1;
    };
    const found = quarantine.search(each, this.now());
    quarantine.endSearch();
    return found || worked > 0;
  }

  /** Somebody asks for a row: if it is set aside, what the clock owes to it is tried at once. */
  tryAgain(kind: string, key: string): void {
    if (!this.get(QUARANTINE).hasten({ kind, key }, this.now())) return;
    this.#arm(this.now());
    this.#tickAll();
    this.#rearm(this.now());
  }

  /** Sees that the alarm comes for rows that were set aside, also by a call that only read, or whose step was undone. */
  armForRetries(): void {
    const at = this.#retryBy;
    this.#retryBy = Number.POSITIVE_INFINITY;
    this.#arm(at);
  }

  /**
   * What the clock owes before anything may start, in the step of a claim. The alarm is never later than the soonest
   * deadline, so that as long as it lies ahead nothing is due and nobody is asked.
   */
  runDueWork(step: Step): void {
    if (!this.#behind && this.armedAt !== null && step.now < this.armedAt && !step.clockMayHaveSteppedBack) return;
    this.#decideWhatMayStart(step);
  }

  /**
   * Runs when the alarm fires, and when the cron wakes the shard: does what is due, and then sets the alarm to what the
   * rows ask for, at once when more is due than one step may do. A tick that fails stops no other, and is thrown at the end.
   * The alarm is set once, when all is done: it is written with the steps before it, because nothing here waits. If the
   * object dies before, none of it has happened, and the platform calls again. Whatever is thrown, an alarm is left.
   */
  alarm(): void {
    this.#ring(null);
  }

  /**
   * The same, though no alarm has fired. `alarmAt`: what the platform says that the alarm is set to, epoch milliseconds, null when
   * it is not. Where that is soon enough it stays, which saves a row each time.
   */
  wake(alarmAt: number | null): void {
    this.#ring(alarmAt);
  }

  #ring(alarmAt: number | null): void {
    this.#behind = true;
    this.#gathers = true;
    try {
      const { more, errors } = this.#tickAll();
      this.#gathers = false;
      this.armedAt = alarmAt;
      this.#armAfter(more, errors);
    } finally {
      if (this.#gathers) {
        this.#gathers = false;
        this.armedAt = null;
      }
      if (this.armedAt === null) this.#arm(this.now() + SAFETY_MS);
    }
  }

  /** The clock has run. Throws the first of `errors`. */
  #armAfter(more: boolean, errors: unknown[]): void {
    // The deadlines that are asked for now have the retries among them.
    this.#retryBy = Number.POSITIVE_INFINITY;
    const [error] = errors;
    if (error !== undefined) {
      const now = this.now();
      const next = this.#nextDeadline(now) ?? Number.POSITIVE_INFINITY;
      // What failed may be due still: were the alarm set to that, it would fire without end.
      this.#rearm(Math.min(next > now ? next : now + RETRY_MS, now + SAFETY_MS));
      throw error;
    }
    this.#behind = more;
    const now = this.now();
    const next = this.#nextDeadline(now) ?? now + IDLE_MS;
    // By the time of what is due, not by the clock, which may be ahead and step back.
    this.#rearm(more ? Math.min(next, now) : next);
  }

  /** Each tick is a step of its own: one that throws is undone, and stops none of the others. */
  #tickAll(): { more: boolean; errors: unknown[] } {
    let more = false;
    const errors: unknown[] = [];
    const attempt = (work: () => boolean | undefined) => {
      try {
        if (work()) more = true;
      } catch (error) {
        errors.push(error);
      }
    };
    attempt(() => this.#tick((step) => this.#decideWhatMayStart(step)));
    for (const subsystem of this.subsystems) {
      if (subsystem.ticksBeforeClaims || subsystem.tick === undefined) continue;
      attempt(() => {
        const at = this.#nextOf(subsystem, this.now());
        return at !== null && at <= this.now() && this.#tick((step) => tickAlone(step, subsystem));
      });
    }
    return { more, errors };
  }

  /** The clock's part in what may start next. True when more is due than one step may do. */
  #decideWhatMayStart(step: Step): boolean {
    let clamped = true;
    let more = false;
    const each = (subsystem: Subsystem) => {
      if (step.clockMayHaveSteppedBack && subsystem.clampToClock?.(step)) clamped = false;
      if (subsystem.ticksBeforeClaims && subsystem.tick?.(step)) more = true;
    };
    walk(step, SUBSYSTEM, { rows: this.#deciders, each });
    if (step.clockMayHaveSteppedBack && clamped) step.onCommit(() => this.#noteClock(step.now));
    return more || !clamped;
  }

  #noteClock(now: number): void {
    this.#latest = now;
  }

  #newStep(): Step {
    const now = this.now();
    const clockMayHaveSteppedBack = now < this.#latest;
    if (now > this.#latest) this.#latest = now;
    return new Step(this, { now, random: this.#ports.random, clockMayHaveSteppedBack });
  }

  /** Sees that the alarm is not later than `deadline`, nor than what those want who act after a step. */
  #rearm(deadline: number | null): void {
    let at = deadline ?? Number.POSITIVE_INFINITY;
    for (const subsystem of this.#afterStep) {
      at = Math.min(at, this.#askAfterStep(subsystem, this.now()) ?? Number.POSITIVE_INFINITY);
    }
    this.#arm(at);
  }

  /** What has committed is answered, whatever comes after it: one that throws is asked again when its backoff is over. */
  #askAfterStep(subsystem: Subsystem, now: number): number | null {
    const quarantine = this.get(QUARANTINE);
    const row = { kind: AFTER_STEP, key: subsystem.name };
    if (!quarantine.holds(row.kind, row.key, now)) {
      try {
        const at = subsystem.afterStep?.(this, now) ?? null;
        if (quarantine.any) quarantine.release(row);
        return at;
      } catch (error) {
        quarantine.setAside(row, error, now);
      }
    }
    return quarantine.find(row.kind, row.key)?.until ?? null;
  }

  /** An alarm that is already sooner stays: it finds nothing due and sets the next. That saves a row a step. */
  #arm(at: number): void {
    if (!Number.isFinite(at) || (this.armedAt !== null && this.armedAt <= at)) return;
    this.armedAt = at;
    if (!this.#gathers) this.#ports.setAlarm(at);
  }

  #nextDeadline(now: number): number | null {
    let soonest = Number.POSITIVE_INFINITY;
    for (const subsystem of this.subsystems) {
      soonest = Math.min(soonest, this.#nextOf(subsystem, now) ?? Number.POSITIVE_INFINITY);
    }
    return Number.isFinite(soonest) ? soonest : null;
  }

  /** When a subsystem has something to do: not before its backoff is over, where it is set aside. */
  #nextOf(subsystem: Subsystem, now: number): number | null {
    const quarantine = this.get(QUARANTINE);
    const { name } = subsystem;
    if (!quarantine.holds(SUBSYSTEM.kind, name, now)) {
      try {
        return subsystem.nextAt?.(this, now) ?? null;
      } catch (error) {
        if (isPlatformFault(error)) throw error;
        quarantine.setAside({ kind: SUBSYSTEM.kind, key: name }, error, now);
      }
    }
    return quarantine.find(SUBSYSTEM.kind, name)?.until ?? null;
  }
}

function tickAlone(step: Step, subsystem: Subsystem): boolean {
  let more = false;
  const each = () => {
    more = subsystem.tick?.(step) ?? false;
  };
  walk(step, SUBSYSTEM, { rows: [subsystem], each });
  return more;
}
