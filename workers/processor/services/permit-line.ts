import type { PermitPorts, Refusal } from "./permit-ports.ts";

/** A job that waits is held so long before its time is up. */
const EARLY_MS = 50;

/** Somebody who waits for permits of one service. */
export interface Waiter {
  readonly ports: PermitPorts;
  /** Permits that the service has to give for it. */
  readonly needs: number;
  /** It waits for a permit that comes back here, and the service is not asked again for it. */
  parked: boolean;
  /** Takes what is there; false: that is too little, and it goes on waiting. */
  serve(): boolean;
  /** Goes without. */
  refuse(refusal: Refusal): void;
  /** Goes without: there is no such service. */
  unknown(): void;
  /** Is refused `ms` from now, unless it has gone before. */
  within(ms: number, refusal: Refusal): void;
}

/** What one who waits does with what it hears. */
export interface Wish<Answer> {
  ports: PermitPorts;
  needs(): number;
  /** When it is too late, epoch milliseconds. */
  deadlineAt: number;
  /** Null: it goes on waiting. */
  serve(): Answer | null;
  refuse(refusal: Refusal): Answer;
  unknown(): Answer;
  /** Gives back what is in an answer that nobody has taken up. */
  undo(answer: Answer): void;
}

/** Those who wait for permits of one service, in the order in which they came. */
export class PermitLine {
  #all: Waiter[] = [];

  get size(): number {
    return this.#all.length;
  }

  /** Those for whom the service is to be asked. */
  asking(): Waiter[] {
    return this.#all.filter(({ parked }) => !parked);
  }

  all(): Waiter[] {
    return [...this.#all];
  }

  /** Gives to each in turn what is there. Where one gets nothing, those behind it that need a permit do not either. */
  serve(): void {
    let isDry = false;
    for (const waiter of this.all()) if (!(isDry && waiter.needs > 0) && !waiter.serve()) isDry = true;
  }

  /** Somebody comes, with the way by which its answer reaches it. */
  join<Answer>({ ports, deadlineAt, ...wish }: Wish<Answer>, answer: (answer: Answer) => void): Waiter {
    let cancel: () => void = () => undefined;
    let isHere = true;
    const leave = (make: () => Answer) => {
      if (!isHere) return;
      isHere = false;
      cancel();
      this.#all = this.#all.filter((one) => one !== waiter);
      answer(make());
    };
    const waiter: Waiter = {
      ports,
      parked: false,
      get needs() {
        return wish.needs();
      },
      serve: () => {
        const given = wish.serve();
        if (given !== null) leave(() => given);
        return given !== null;
      },
      refuse: (refusal) => leave(() => wish.refuse(refusal)),
      unknown: () => leave(() => wish.unknown()),
      within: (ms, refusal) => {
        cancel();
        const left = Math.max(0, deadlineAt - EARLY_MS - ports.now());
        cancel = ports.after(Math.min(ms, left), () => waiter.refuse(refusal));
      },
    };
    this.#all.push(waiter);
    return waiter;
  }
}
