/**
 * Loaded in front of a writer (`node --import`), it makes a writer whose commits are not on disk and which does not know
 * it: what the test of the order of system calls has to find.
 */
import Database from 'better-sqlite3';

const SYNCHRONOUS_FULL = 2;
const pragma = Object.getOwnPropertyDescriptor(Database.prototype, 'pragma')
  ?.value as Database.Database['pragma'];

Database.prototype.pragma = function sabotaged(source, options) {
  if (source === 'synchronous') return SYNCHRONOUS_FULL;
  return pragma.call(this, source.replace('synchronous = FULL', 'synchronous = NORMAL'), options);
};
