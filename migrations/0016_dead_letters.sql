-- Dead letters are kept for 30 days: the cron deletes the oldest by this. One row more a letter.
CREATE INDEX dead_letters_by_age ON dead_letters (received_at);
