/** The part of `mutations-list.mjs` that is about senders: the fast path, bodies, and connections that end. */
const INGEST = 'services/ingest/dist';
const SHARED = 'shared/dist';

export const SENDER_MUTATIONS = [
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
