/** Run as a process: commits a message, counted as carried over from an older Lyftr, again and again, until it is killed. `argv[2]` is the database. */
import Database from 'better-sqlite3';

const database = new Database(process.argv[2], { fileMustExist: true });
database.pragma('journal_mode = WAL');
database.pragma('synchronous = OFF');
const insert = database.prepare(
  "INSERT INTO messages (message_id, sender, recipient, ts, text) VALUES (?, 'busy', '200', 1710000000, ?)",
);
const count = database.prepare("UPDATE counters SET value = value + 1 WHERE name IN ('created', 'carried')");
const text = 'x'.repeat(2_000);
const commit = database.transaction((id: string) => {
  insert.run(id, text);
  count.run();
});

process.stdout.write('{"msg":"begun"}\n');
for (let i = 0; ; i++) commit(`busy-${process.pid}-${i}`);
