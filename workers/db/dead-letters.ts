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

/** Enough to see what it was; a row is far below D1's 2 MB. */
const MAX_BODY_CHARACTERS = 16_384;

export async function recordDeadLetter(db: D1Database, letter: DeadLetter): Promise<void> {
  await db
    .prepare(
      `INSERT INTO dead_letters (id, queue, received_at, reason, body) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (id) DO NOTHING`,
    )
    .bind(letter.id, letter.queue, letter.receivedAt, letter.reason, letter.body.slice(0, MAX_BODY_CHARACTERS))
    .run();
}
