import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { databaseFile, SCHEMA_VERSION } from '../format.js';
import { ProblemError } from '@lyftr/shared/errors';
import { Snapshots, type Reader } from './snapshots.js';
import { createDatabase, temporaryDirectory, type TestDirectory } from '../testing.js';

let directory: TestDirectory;
let store: Snapshots;

beforeEach(() => {
  directory = temporaryDirectory();
  store = new Snapshots(databaseFile(directory.path));
});

afterEach(() => {
  store.close();
  directory.remove();
});

const message = (message_id: string) => ({ message_id, from: 'a', to: 'b', ts: 1, text: '' });
const countRows = (reader: Reader) => (reader.get('SELECT count(*) AS n FROM messages') as { n: number }).n;
const isNotReady = (error: unknown) => error instanceof ProblemError && error.code === 'not-ready';

test('a database is picked up when it appears', () => {
  assert.match(store.state(), /does not exist yet/);
  assert.throws(() => store.read(countRows), isNotReady);
  const writer = createDatabase(directory.path);
  assert.equal(store.state(), 'ok');
  assert.equal(store.read(countRows), 0);
  writer.close();
});

test('a database of another version is refused, also when it changes while it is open', () => {
  const writer = createDatabase(directory.path);
  assert.equal(store.state(), 'ok');
  writer.database.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
  assert.match(
    store.state(),
    new RegExp(`has schema version ${SCHEMA_VERSION + 1}, but this service needs ${SCHEMA_VERSION}\\.`),
  );
  assert.throws(() => store.read(countRows), isNotReady);
  writer.database.pragma(`user_version = ${SCHEMA_VERSION}`);
  assert.equal(store.state(), 'ok');
  writer.close();
});

test('a file that is not a database is named as such, and left behind when a good one comes', () => {
  const file = databaseFile(directory.path);
  writeFileSync(file, 'x'.repeat(4096));
  assert.match(store.state(), /SQLITE_NOTADB/);
  renameSync(file, `${file}.bad`);
  createDatabase(directory.path).close();
  assert.equal(store.state(), 'ok');
});

test('one read sees one snapshot, whatever is committed meanwhile; the next sees it', () => {
  const writer = createDatabase(directory.path);
  store.read((reader) => {
    assert.equal(countRows(reader), 0);
    writer.insert([message('1')]);
    assert.equal(countRows(reader), 0);
  });
  assert.equal(store.read(countRows), 1);
  writer.close();
});

test('no snapshot stays open: the log can be reset after a read, and after one that threw', () => {
  const writer = createDatabase(directory.path);
  writer.insert([message('1')]);
  store.read(countRows);
  assert.throws(() =>
    store.read((reader) => {
      countRows(reader);
      throw new Error('on purpose');
    }),
  );
  assert.deepEqual(writer.database.pragma('wal_checkpoint(TRUNCATE)'), [
    { busy: 0, log: 0, checkpointed: 0 },
  ]);
  writer.close();
});

test('nothing can be written through it', () => {
  createDatabase(directory.path).close();
  assert.throws(() => store.read((reader) => reader.all('DELETE FROM messages RETURNING seq')), {
    code: 'SQLITE_READONLY',
  });
});
