/** Formats the ledger for `lyftr ledger`, `lyftr status` and `lyftr audit`. */
import { ledgerFaults, messagesText, type LedgerAnswer } from '@lyftr/shared/ledger';
import { deadLettersText, type LedgerReport } from '@lyftr/shared/sample';

/** Maximum number of listed ranges of a producer. The others are counted. */
const RANGES_SHOWN_MAX = 20;

/** The faults of the ledger, one sentence each. */
export const faultsOf = ({ difference, missing }: LedgerAnswer): string[] =>
  ledgerFaults(difference, missing?.messages ?? 0);

export function missingText(ledger: LedgerAnswer): string[] {
  if (ledger.missing === null) return ['missing: unknown, because the queue is too long'];
  const lines = [`missing: ${messagesText(ledger.missing.messages)}`];
  for (const { producer, ranges } of ledger.missing.producers) {
    const shown = ranges
      .slice(0, RANGES_SHOWN_MAX)
      .map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
    const rest = ranges.length > shown.length ? ` and ${ranges.length - shown.length} more ranges` : '';
    lines.push(`  ${producer}  ${shown.join(', ')}${rest}`);
  }
  if (ledger.difference !== ledger.missing.messages)
    lines.push(`difference: ${messagesText(ledger.difference)}`, ...faultsOf(ledger).slice(-1));
  return lines;
}

export function ledgerText(ledger: LedgerReport): string[] {
  const { accepted, unconfirmed, fanout, created, duplicate, dead_letter, written_off, waiting } = ledger;
  const terms: [string, number, string][] = [
    ['', accepted, 'accepted'],
    ['+', unconfirmed, 'unconfirmed'],
    ['+', fanout, 'more outcomes of deliveries'],
    ['=', created, 'created'],
    ['+', duplicate, `duplicate, ${ledger.conflicting_duplicate} of them with different content`],
    ['+', dead_letter, 'not stored'],
    ['+', written_off, 'written off'],
    ['+', waiting, 'waiting'],
  ];
  const width = String(accepted).length;
  return [
    ...terms.map(([sign, count, name]) => `${sign.padEnd(1)} ${String(count).padStart(width)} ${name}`),
    `dead letters: ${deadLettersText(ledger.dead_letters)}`,
    ...missingText(ledger),
  ];
}
