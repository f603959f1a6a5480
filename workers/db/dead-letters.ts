import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";

/** A message that nobody could read. */
export interface DeadLetter {
  /** The message's own id: a letter that is recorded twice is one row. */
  id: string;
  queue: string;
  receivedAt: number;
  reason: string;
  /** What it carried, as text. */
  body: string;
}

/** All that a Queue's message can carry, so that what it was can be sent again; a row is far below D1's 2 MB. */
const MAX_BODY_CHARACTERS = 131_072;

/**
 * An API key or the root token, which a message may carry and no table may keep, however short or odd: all up to a quote, be
 * it escaped. Its id stays.
 */
const TOKEN = /dure_([0-9a-z]{1,40})_(?:[^"\s\\]|\\+(?!["\\]))+/g;

export function recordDeadLetter(db: D1Database, letter: DeadLetter): Promise<void> {
  return recordDeadLetters(db, [letter]);
}

/** Of one statement: D1 takes 2 MB as one value, and a character may be three bytes. */
const CHARACTERS_AT_ONCE = 500_000;

/** Any number of letters with few statements, of which D1 allows an invocation a thousand. */
export async function recordDeadLetters(db: D1Database, letters: readonly DeadLetter[]): Promise<void> {
  let rows: string[] = [];
  let characters = 0;
  const write = async () => {
    if (rows.length > 0) await db.prepare(INSERT).bind(`[${rows.join()}]`).run();
    rows = [];
    characters = 0;
  };
  for (const letter of letters) {
    const row = JSON.stringify([letter.id, letter.queue, letter.receivedAt, letter.reason, bodyOf(letter)]);
    if (characters + row.length > CHARACTERS_AT_ONCE) await write();
    rows.push(row);
    characters += row.length;
  }
  await write();
}

const INSERT = `INSERT INTO dead_letters (id, queue, received_at, reason, body)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
ON CONFLICT (id) DO NOTHING`;

/** Deletes up to `limit` of the letters that came before `before` (epoch milliseconds); answers how many. */
export async function forgetDeadLetters(db: Db, before: number, limit: number): Promise<number> {
  const gone = await db.all(sql`DELETE FROM dead_letters WHERE id IN
    (SELECT id FROM dead_letters INDEXED BY dead_letters_by_age WHERE received_at < ${before}
     ORDER BY received_at LIMIT ${limit}) RETURNING 1`);
  return gone.length;
}

function bodyOf({ body }: DeadLetter): string {
  return body.replaceAll(TOKEN, "dure_$1_…").slice(0, MAX_BODY_CHARACTERS);
}
