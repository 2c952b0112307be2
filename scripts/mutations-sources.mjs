/** Mutations of what providers deliver. The form is that of `mutations-list.mjs`. */

const INGEST = 'services/ingest/dist';
const SOURCES = 'sources/dist';
const STORE = 'store/dist';

export const SOURCE_MUTATIONS = [
  {
    name: 'a signed time may be as old as it likes',
    file: `${SOURCES}/verify.js`,
    edits: [['Math.abs(ageSeconds) > toleranceSeconds', 'false']],
    tests: [`${SOURCES}/schemes.test.js`],
  },
  {
    name: 'a signed time may be in the future',
    file: `${SOURCES}/verify.js`,
    edits: [['Math.abs(ageSeconds) > toleranceSeconds', 'ageSeconds > toleranceSeconds']],
    tests: [`${SOURCES}/schemes.test.js`],
  },
  {
    name: 'a retired key is accepted',
    file: `${SOURCES}/open.js`,
    edits: [['const live = keys.filter(({ retired }) => retired !== true);', 'const live = keys;']],
    tests: [`${INGEST}/source-intake.test.js`, `${SOURCES}/file.test.js`, `${SOURCES}/schemes.test.js`],
  },
  {
    name: 'what has no rule is dropped',
    file: `${STORE}/sqlite/write/deliveries.js`,
    edits: [['if (mapped.leftovers.length > 0)', 'if (false)']],
    tests: [`${STORE}/contract/sqlite.test.js`],
  },
  {
    name: 'the fan-out is not counted',
    file: `${STORE}/sqlite/write/deliveries.js`,
    edits: [['totals.outcomes[FANOUT] += outcomesOf(mapped) - 1;', '']],
    tests: [`${STORE}/contract/sqlite.test.js`],
  },
  {
    name: 'a redelivery with another time of verification is a conflict',
    file: `${STORE}/sqlite/write/messages.js`,
    edits: [['delivery?.tsIsOfDelivery !== true', 'true']],
    tests: [`${STORE}/contract/sqlite.test.js`],
  },
  {
    name: 'a faulty sources file replaces the sources',
    file: `${SOURCES}/current.js`,
    edits: [
      [
        'faults = error.faults.map(faultText);',
        'faults = error.faults.map(faultText);\nsources = { ...sources, byName: new Map() };',
      ],
    ],
    tests: ['test/dist/sources.test.js'],
    only: 'a faulty file',
  },
];
