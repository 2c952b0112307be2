/** What the console says, without a browser: its modules that need none. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PUBLIC } from './assets.js';

type Words = Record<'level' | 'title' | 'detail', string>;

const load = async (file: string): Promise<unknown> => import(pathToFileURL(join(PUBLIC, file)).href);
const { statusOf } = (await load('status.js')) as { statusOf: (sample: unknown, heard: string) => Words };
const { timeLabels } = (await load('axis.js')) as { timeLabels: (marks: number[], now?: Date) => string[] };

const SAMPLE = { state: { level: 'good', title: 'all stored', detail: 'Nothing waits.' } };

test('a system that is not heard of is not called well', () => {
  assert.equal(statusOf(SAMPLE, 'known').title, 'all stored');
  for (const heard of ['connecting', 'lost', 'silent']) {
    const { level, title, detail } = statusOf(SAMPLE, heard);
    assert.equal(level, 'unknown', heard);
    assert.doesNotMatch(`${title} ${detail}`, /stored|Nothing waits/);
  }
});

test('no two marks of an axis have the same words, and years are said', () => {
  const local = (year: number, month = 0, day = 1): number => new Date(year, month, day).getTime() / 1_000;
  const now = new Date(2026, 5, 1);
  const years = timeLabels(
    [2019, 2020, 2021, 2022].map((year) => local(year)),
    now,
  );
  assert.deepEqual(years, ['2019', '2020', '2021', '2022']);
  const months = timeLabels([local(2023, 11), local(2024), local(2024, 1)], now);
  assert.match(months[0] ?? '', /2023/);
  assert.match(months[1] ?? '', /2024/);
  assert.doesNotMatch(months[2] ?? '', /2024/);
  assert.doesNotMatch(timeLabels([local(2026, 4, 1), local(2026, 4, 2)], now).join(), /2026/);
});
