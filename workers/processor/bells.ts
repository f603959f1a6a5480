import { Doorbell } from "../../contract/doorbell.ts";
import type { Lane } from "../../domain/queue.ts";

/** A batch of messages by what they ask for. Several bells for one place ask for one visit. */
export interface Bells<Message> {
  /** Shards with work, by lane. */
  work: Map<Lane, Set<string>>;
  /** Shards with finished jobs that history does not have. */
  history: Set<string>;
  /** Shards with events that subscribers have yet to get. */
  events: Set<string>;
  readable: Message[];
  unreadable: { message: Message; reason: string }[];
}

/** Reads every message by itself: one that cannot be read says nothing of the others. */
export function readBells<Message extends { body: unknown }>(messages: readonly Message[]): Bells<Message> {
  const bells: Bells<Message> = {
    work: new Map(),
    history: new Set(),
    events: new Set(),
    readable: [],
    unreadable: [],
  };
  for (const message of messages) {
    const read = Doorbell.safeParse(message.body);
    if (!read.success) {
      // What is wrong, and not with what: a message quotes what was sent.
      const issues = read.error.issues.map(({ code }) => code);
      bells.unreadable.push({ message, reason: `not a doorbell: ${issues.join(", ")}` });
      continue;
    }
    bells.readable.push(message);
    const bell = read.data;
    if (bell.kind !== "work") bells[bell.kind].add(bell.shard);
    else bells.work.set(bell.lane, (bells.work.get(bell.lane) ?? new Set()).add(bell.shard));
  }
  return bells;
}
