import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { batch, mapped, sent, tuple } from '../../contract/subject.js';
import { databaseFile } from '../format.js';
import { temporaryDirectory } from '../testing.js';
import { openWriter } from '../write/writer.js';
import { openSqliteAdminStore } from './admin-store.js';

/** Damage, the fault that it is found by, and whether a repair ends it. */
const DAMAGE: [sql: string, check: string, fault: RegExp, isRepaired: boolean][] = [
  ['UPDATE deliveries SET messages = messages + 1 WHERE id = 2', 'deliveries', /2 has 2 and says 3/, true],
  ['DELETE FROM messages WHERE seq = 5', 'deliveries', /5 has 0 and says 1/, true],
  ['DELETE FROM deliveries WHERE id = 2', 'deliveries', /2 messages .* not stored/, false],
  ['UPDATE messages SET delivery = NULL WHERE seq = 5', 'deliveries', /1 messages .* not stored/, false],
  ["UPDATE messages SET source = 'other' WHERE seq = 3", 'deliveries', /1 messages have another/, false],
  ['UPDATE messages SET source = NULL WHERE seq = 3', 'deliveries', /1 messages have another/, false],
  ["UPDATE counters SET value = 0 WHERE name = 'fanout'", 'ledger', /with 0 more outcomes/, false],
  [
    "INSERT INTO dead_letters (kind, reason, raw, received_at) VALUES ('unmapped_delivery', '', '', 1)",
    'ledger',
    /2 dead letters, but the counter says 1/,
    false,
  ],
];

for (const [sql, check, fault, isRepaired] of DAMAGE) {
  test(`an audit finds it: ${sql}`, async (t) => {
    const directory = temporaryDirectory();
    t.after(() => directory.remove());
    const file = databaseFile(directory.path);
    const writer = openWriter(file, 'test');
    writer.commit([
      batch(1, [
        tuple('1'),
        { ...mapped(sent('shop'), tuple('2'), tuple('3')), leftovers: ['/a'] },
        tuple('4'),
        mapped(sent('sms'), tuple('5')),
        tuple('6'),
      ]),
    ]);
    writer.close();
    const admin = openSqliteAdminStore(directory.path);
    const faults = async () =>
      (await admin.audit(true)).flatMap((line) => (line.name === check ? line.faults : []));
    assert.deepEqual(await faults(), []);
    const database = new Database(file);
    database.exec(sql);
    database.close();
    assert.match((await faults()).join(), fault);
    const repaired = (await admin.repair(true)).find(({ name }) => name === check);
    assert.equal(repaired?.state, isRepaired ? 'repaired' : 'fault');
    if (isRepaired) assert.deepEqual(await faults(), []);
  });
}
