/** The part of `mutations-list.mjs` that is about senders: the fast path, bodies, and connections that end. */
const INGEST = 'services/ingest/dist';
const SHARED = 'shared/dist';

export const SENDER_MUTATIONS = [
  {
    name: 'the signature of a source is not looked at',
    file: `${INGEST}/source-intake.js`,
    edits: [
      ["if ('ok' in verdict)", "if (!('ok' in verdict)) return { keyId: 'main' };\nif ('ok' in verdict)"],
    ],
    tests: [`${INGEST}/forgeries.test.js`],
    only: 'github: every forgery',
  },
  {
    name: 'the answer says what is wrong with a signature',
    file: `${INGEST}/source-intake.js`,
    edits: [["ProblemError('bad-signature', REFUSED)", "ProblemError('bad-signature', verdict.reason)"]],
    tests: [`${INGEST}/forgeries.test.js`],
    only: 'github: every forgery',
  },
  {
    name: 'a forgery spends what its source may send',
    file: `${INGEST}/source-intake.js`,
    edits: [['const verified = verify(delivery);', 'requireToken();\nconst verified = verify(delivery);']],
    tests: [`${INGEST}/rate-limit.test.js`],
    only: 'forgeries cost nothing',
  },
  {
    name: 'a body that is not UTF-8 is taken for text',
    file: `${INGEST}/body-text.js`,
    edits: [['isUtf8(body)', 'true']],
    tests: [`${INGEST}/source-intake.test.js`],
    only: 'binary arrives as it was sent',
  },
  {
    name: 'a reload gives every source its whole burst again',
    file: `${INGEST}/rate-limit.js`,
    edits: [['isSame ? old :', 'false ? old :']],
    tests: [`${INGEST}/rate-limit.test.js`],
  },
  {
    name: 'the search for a near miss has no bound',
    file: `${INGEST}/diagnose.js`,
    edits: [['if (this.hashedBytes + bytes > HASHED_BYTES_MAX)', 'if (false)']],
    tests: [`${INGEST}/diagnose.test.js`],
    only: 'a bounded number of signatures',
  },
  {
    name: 'SIGHUP is not handed on',
    file: `${INGEST}/cluster.js`,
    edits: [["worker.process.kill('SIGHUP')", 'void worker']],
    tests: ['test/dist/sources-ingest.test.js'],
    only: 'a retired key',
  },
  {
    name: 'the fast path takes a head of any size',
    file: `${INGEST}/plain-request.js`,
    edits: [[' || end > HEAD_BYTES_MAX', '']],
    tests: [`${INGEST}/same-answers.test.js`],
  },
  {
    name: 'the fast path takes a header about the connection for one of many',
    file: `${INGEST}/plain-request.js`,
    edits: [["'proxy-connection',", '']],
    tests: [`${INGEST}/same-answers.test.js`],
  },
  {
    name: 'the fast path takes tabs for spaces',
    file: `${INGEST}/plain-request.js`,
    edits: [
      ['[!-~][ -~]*', '[!-~][\\t -~]*'],
      ['head.slice(start, next);', 'head.slice(start, next).trim();'],
    ],
    tests: [`${INGEST}/same-answers.test.js`],
  },
  {
    name: 'a sender that does not read its answers is read from',
    file: `${INGEST}/fast-path.js`,
    edits: [['this.socket.write(text, encoding))', '(this.socket.write(text, encoding), true))']],
    tests: [`${INGEST}/fast-path.test.js`],
    only: 'does not read its answers',
  },
  {
    name: 'bodies that are not complete have no bound together',
    file: `${INGEST}/body.js`,
    edits: [['if (taken + bytes > bytesMax)', 'if (false)']],
    tests: [`${INGEST}/body.test.js`],
    only: 'have a bound together',
  },
  {
    name: 'a connection is closed at once behind a refusal',
    file: `${SHARED}/runtime/closing.js`,
    edits: [['socket.resume();', "socket.once('finish', () => socket.destroy());"]],
    tests: [`${INGEST}/body.test.js`],
    only: 'reads its answer',
  },
];
