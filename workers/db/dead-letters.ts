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

/** An API key or the root token, which a message may carry and no table may keep. Its id stays. */
const TOKEN = /\bdure_([0-9a-z]{1,40})_[0-9A-Za-z-]{8,200}/g;

export async function recordDeadLetter(db: D1Database, letter: DeadLetter): Promise<void> {
  await db
    .prepare(
      `INSERT INTO dead_letters (id, queue, received_at, reason, body) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (id) DO NOTHING`,
    )
    .bind(letter.id, letter.queue, letter.receivedAt, letter.reason, bodyOf(letter))
    .run();
}

function bodyOf({ body }: DeadLetter): string {
  return body.replaceAll(TOKEN, "dure_$1_…").slice(0, MAX_BODY_CHARACTERS);
}
