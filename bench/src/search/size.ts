import Database from 'better-sqlite3';
import { measured, type Row } from '../results.js';

/** Bytes on disk by table or index. Reads every page of the file. */
function sizes(file: string): Map<string, number> {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const rows = database
      .prepare<[], [string, number]>('SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE')
      .raw()
      .all();
    return new Map(rows);
  } finally {
    database.close();
  }
}

const isTextIndex = (table: string): boolean => table.startsWith('message_text');

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** What a message takes on disk, in all and by what takes most. */
export function measureSize(oursFile: string, peerFile: string, messages: number): Row[] {
  const tables = sizes(oursFile);
  const ours = sum(tables.values()) / messages;
  const peer = sum(sizes(peerFile).values()) / messages;
  const textIndex = sum([...tables].filter(([name]) => isTextIndex(name)).map(([, bytes]) => bytes));
  const others = [...tables]
    .filter(([name]) => !isTextIndex(name))
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 6);
  return [
    {
      figure: 'bytes on disk per message',
      ours,
      peer: { name: 'plain SQL', value: peer },
      ratio: ours / peer,
      spread: [ours / peer, ours / peer],
      rounds: 1,
      target: { atMost: 2.5 },
    },
    measured('bytes of the text index per message', [textIndex / messages], undefined),
    ...others.map(([name, bytes]) => measured(`bytes of ${name} per message`, [bytes / messages], undefined)),
  ];
}
