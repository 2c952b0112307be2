/**
 * Promises, each with the smallest change of the compiled program that breaks it and the tests that must notice.
 * `edits` are `[search, replacement]`; a search has to fit exactly once. `only` narrows a file to some of its tests.
 */
import { SENDER_MUTATIONS } from './mutations-senders.mjs';
import { SOURCE_MUTATIONS } from './mutations-sources.mjs';

const INGEST = 'services/ingest/dist';
const WRITER = 'services/writer/dist';
const QUERY = 'services/query/dist';
const SHARED = 'shared/dist';
const QUEUE = 'queue/dist';
const STORE = 'store/dist/sqlite';
const TEST = 'test/dist';

export const MUTATIONS = [
  {
    name: 'a 200 before Redis has acknowledged',
    file: `${INGEST}/coalesce.js`,
    edits: [['await enqueue(job.flatMap', 'void enqueue(job.flatMap']],
    tests: [`${INGEST}/coalesce.test.js`],
  },
  {
    name: 'the same, as the soak sees it from outside',
    file: `${INGEST}/coalesce.js`,
    edits: [
      [
        'await enqueue(job.flatMap((delivery) => delivery.items), traceOf(job));',
        'void enqueue(job.flatMap((delivery) => delivery.items), traceOf(job)).catch(() => {});',
      ],
    ],
    tests: [`${TEST}/soak.test.js`],
  },
  {
    name: 'ids that nobody gave go through the queue',
    file: `${INGEST}/intake.js`,
    edits: [['requestId: isTraced ? requestId : undefined', 'requestId']],
    tests: [`${TEST}/request-id.test.js`],
    only: 'a job whose senders gave no ids',
  },
  {
    name: 'the log has the URL of Redis, and its password',
    file: `${WRITER}/trouble.js`,
    edits: [['log.warn({ reason: found }', 'log.warn({ reason: found, url: process.env.REDIS_URL }']],
    tests: [`${TEST}/redis-access.test.js`],
  },
  {
    name: 'a 200 for a job that Redis refused',
    file: `${INGEST}/coalesce.js`,
    edits: [['answer(job, failure.error)', 'answer(job)']],
    tests: [`${INGEST}/coalesce.test.js`],
  },
  {
    name: 'appendfsync is not looked at',
    file: `${SHARED}/runtime/redis.js`,
    edits: [["fsync === 'always' ? ['always'] : ['always', 'everysec']", "['always', 'everysec', 'no']"]],
    tests: [`${TEST}/contract.test.js`],
    only: 'a Redis that would lose what it acknowledged',
  },
  {
    name: 'the signature is not looked at',
    file: `${INGEST}/message-intake.js`,
    edits: [["if ('reason' in source.verify(delivery))", 'if (false)']],
    tests: [`${TEST}/contract.test.js`],
    only: '401 for every wrong signature',
  },
  {
    name: 'the high-water mark is not looked at',
    file: `${QUEUE}/room.js`,
    edits: [['if (depth >= highWaterMessages)', 'if (false)']],
    tests: [`${TEST}/backpressure.test.js`],
  },
  {
    name: 'synchronous=NORMAL',
    file: `${STORE}/write/open.js`,
    edits: [["pragma('synchronous = FULL')", "pragma('synchronous = NORMAL')"]],
    tests: [`${STORE}/write/writer.test.js`],
  },
  {
    name: 'synchronous=NORMAL, and nobody asks whether it is',
    file: `${STORE}/write/open.js`,
    edits: [
      ["pragma('synchronous = FULL')", "pragma('synchronous = NORMAL')"],
      ['if (synchronous !== SYNCHRONOUS_FULL)', 'if (false)'],
    ],
    tests: [`${TEST}/syscalls.test.js`],
  },
  {
    name: 'the last delivery of an id wins',
    file: `${STORE}/write/messages.js`,
    edits: [
      [
        'INSERT INTO messages (seq, message_id, sender, recipient, ts, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?)\n     ON CONFLICT (message_id) DO NOTHING',
        'INSERT OR REPLACE INTO messages (seq, message_id, sender, recipient, ts, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ],
    ],
    tests: [`${STORE}/write/writer.test.js`],
  },
  {
    name: 'a duplicate is an error',
    file: `${STORE}/write/messages.js`,
    edits: [
      [
        'VALUES (?, ?, ?, ?, ?, ?, ?)\n     ON CONFLICT (message_id) DO NOTHING',
        'VALUES (?, ?, ?, ?, ?, ?, ?)',
      ],
    ],
    tests: [`${STORE}/write/writer.test.js`],
  },
  {
    name: 'counters are written behind the commit of the messages',
    file: `${STORE}/write/writer.js`,
    edits: [
      ['addToCounter.run(totals.outcomes[name], name);', ';'],
      [
        "crashPoint('after-commit');",
        "crashPoint('after-commit');\nfor (const name of COUNTERS) addToCounter.run(outcomes[name], name);",
      ],
    ],
    tests: [`${TEST}/crash.test.js`],
    only: 'at after-commit',
  },
  {
    name: 'a batch that comes again is counted again',
    file: `${STORE}/write/ledger.js`,
    edits: [['const fresh = subtract([range], producer.ranges);', 'const fresh = [range];']],
    tests: [`${STORE}/write/writer.test.js`],
  },
  {
    name: 'a delivery of many messages counts as one',
    file: `${STORE}/write/deliveries.js`,
    edits: [['outcomesOf(mapped) - 1', '0']],
    tests: [`${STORE}/write/deliveries.test.js`],
  },
  {
    name: 'a delivery stays when its messages are gone',
    file: `${STORE}/write/writer.js`,
    edits: [['deliveries.release(old);', ';']],
    tests: [`${STORE}/write/deliveries.test.js`],
  },
  {
    name: 'the jobs of a dead writer are left where they are',
    file: `${QUEUE}/jobs.js`,
    edits: [["local left = redis.call('LRANGE', KEYS[2], 0, -1)", 'local left = {}']],
    tests: [`${TEST}/crash.test.js`],
    only: 'at after-commit',
  },
  {
    name: 'jobs that were left in hand come back in the order in which they lie there',
    file: `${QUEUE}/jobs.js`,
    edits: [['return (tonumber(a) or 0) > (tonumber(b) or 0)', 'return false']],
    tests: [`${QUEUE}/rounds.test.js`],
    only: 'jobs that other writers had in hand',
  },
  {
    name: 'jobs that another writer took in between are not looked for',
    file: `${QUEUE}/rounds.js`,
    edits: [['active === jobs.length ? jobs : []', 'jobs']],
    tests: [`${QUEUE}/rounds.test.js`],
    only: 'a writer that wakes',
  },
  {
    name: 'a round takes as many jobs as there are',
    file: `${QUEUE}/jobs.js`,
    edits: [['if (width > 0 && (', 'if (false && (']],
    tests: [`${QUEUE}/rounds.test.js`],
    only: 'a round is bounded',
  },
  {
    name: 'a batch of a later version is taken for damage',
    file: `${QUEUE}/jobs.js`,
    edits: [['if (error instanceof UnknownVersionError)', 'if (false)']],
    tests: [`${QUEUE}/rounds.test.js`],
    only: 'a batch of a later version',
  },
  {
    name: 'a writer that was replaced goes on',
    file: `${STORE}/write/fence.js`,
    edits: [['if (current?.epoch !== epoch)', 'if (false)']],
    tests: [`${STORE}/write/writer.test.js`],
  },
  {
    name: 'a job is completed before its batch is stored',
    file: `${QUEUE}/rounds.js`,
    edits: [
      ['await handle(batches);', 'batches.flatMap(({ numbers: each }) => each ?? []);'],
      [
        'if (jobs.length > 0)\n            hold(reason);',
        'await handle(batches);\nif (jobs.length > 0) hold(reason);',
      ],
    ],
    tests: [`${TEST}/crash.test.js`],
    only: 'at before-commit',
  },
  {
    name: 'a process that dies takes its counts away',
    file: `${QUERY}/system/metrics.js`,
    edits: [['...last.snapshots]', '...last.snapshots.filter(({ stopped }) => !stopped)]']],
    tests: [`${QUERY}/system/metrics.test.js`],
  },
  {
    name: 'query shows counts that a kill would take away',
    file: `${QUERY}/system/metrics.js`,
    edits: [
      [
        'processes.push(publishedGauges(ownMetrics, own));',
        "processes.push(publishedTotals({ service: 'query', metrics: ownMetrics }));",
      ],
    ],
    tests: [`${QUERY}/system/metrics.test.js`],
    only: 'own counters are counted once',
  },
  {
    name: 'a count is believed after messages were removed',
    file: `${STORE}/read/remembered.js`,
    edits: [['removals(stretch.first, stretch.last) === stretch.removals', 'true']],
    tests: [`${STORE}/read/search-model.test.js`],
  },
  {
    name: 'a producer leaves Redis while messages of it are missing',
    file: 'shared/dist/ledger.js',
    edits: [['producer).missing.length === 0', 'producer).missing.length >= 0']],
    tests: [`${WRITER}/ended.test.js`],
  },
  {
    name: 'a producer that has just begun is taken for ended',
    file: `${WRITER}/ended.js`,
    edits: [["return before.get(producer) === texts.join(' ');", 'return true;']],
    tests: [`${WRITER}/ended.test.js`],
  },
  {
    name: 'what was settled is not left in Redis',
    file: `${QUEUE}/rounds.js`,
    edits: [['await settled.note(', 'void (']],
    tests: [`${QUEUE}/rounds.test.js`],
    only: 'a damaged envelope',
  },
  {
    name: 'what was stored and refused hides what was acknowledged',
    file: 'shared/dist/ledger.js',
    edits: [['unconfirmed += size(of.unconfirmed);', '']],
    tests: [`${WRITER}/write-off.test.js`, `${QUERY}/system/ledger.test.js`],
  },
  {
    name: 'a message that was written off is counted twice when it comes after all',
    file: `${STORE}/write/ledger.js`,
    edits: [['takeBack(name, fresh);', '']],
    tests: [`${WRITER}/write-off.test.js`],
  },
  {
    name: 'a message that was written off is taken for committed',
    file: `${STORE}/write/ledger.js`,
    edits: [
      [
        'const ranges = committed.read(name);',
        'const ranges = union(committed.read(name), writtenOff.read(name));',
      ],
    ],
    tests: [`${WRITER}/write-off.test.js`],
  },
  {
    name: 'the account is closed whatever its difference is',
    file: `${WRITER}/write-off.js`,
    edits: [['if (ledger.difference !== difference)', 'if (false)']],
    tests: [`${WRITER}/write-off.test.js`],
  },
  {
    name: 'messages that are removed stay in the rollups',
    file: `${STORE}/write/writer.js`,
    edits: [['rollups.remove(old);', '']],
    tests: [`${STORE}/write/writer.test.js`],
  },
  {
    name: 'a process that was retired is counted twice when it comes back',
    file: `${SHARED}/runtime/publisher.js`,
    edits: [['since(metrics, retired)', 'metrics']],
    tests: [`${QUERY}/system/retired.test.js`],
  },
  ...SENDER_MUTATIONS,
  ...SOURCE_MUTATIONS,
  {
    name: 'two supervisors on one folder',
    file: 'store/dist/lock.js',
    edits: [["'BEGIN EXCLUSIVE'", "'BEGIN'"]],
    tests: ['store/dist/lock.test.js'],
  },
  {
    name: 'a service that starts outlives its supervisor',
    file: `${SHARED}/runtime/process.js`,
    edits: [["watchParent(() => close('the parent process is gone'));", '']],
    tests: [`${SHARED}/runtime/process.test.js`],
  },
];
