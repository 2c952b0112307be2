/**
 * Describes the state of the system in words. Console and `lyftr status` show these words, which are defined only
 * here.
 */
import { ledgerFaults, messagesText } from '@lyftr/shared/ledger';
import { deadLettersText, type Sample, type SystemState } from '@lyftr/shared/sample';

export type Figures = Omit<Sample, 'state' | 'faults'>;

interface Fault {
  title: string;
  /** One or two sentences. */
  detail: string;
}

const SERVICES = ['writer', 'ingest', 'query'] as const;

/** Why a service has no running process. Undefined when it has one. */
function absence(service: string, { processes, at }: Figures): Fault | undefined {
  const all = (processes ?? []).filter((each) => each.service === service);
  if (processes === null || all.some(({ state }) => state === 'up')) return undefined;
  const title = `no ${service}`;
  const silent = all.filter(({ state }) => state === 'silent').map(({ seen_at }) => at - seen_at);
  if (silent.length > 0) {
    const seconds = Math.round(Math.min(...silent) / 1_000);
    const detail = `No ${service} has published its figures for ${seconds} s. It is dead, frozen or cut off from Redis.`;
    return { title, detail };
  }
  const detail = all.length > 0 ? `Every ${service} is stopped.` : `No ${service} has published any figures.`;
  return { title, detail };
}

function ofLedger({ difference, missing }: NonNullable<Figures['ledger']>): Fault[] {
  if (difference === null) return [];
  const title = (missing ?? 0) > 0 ? `${messagesText(missing as number)} missing` : 'ledger out of balance';
  return ledgerFaults(difference, missing ?? 0).map((detail) => ({ title, detail }));
}

/** The faults, most serious first. */
function faultsOf(figures: Figures): Fault[] {
  const { redis, database, ledger } = figures;
  const faults: Fault[] = [];
  if (!redis)
    faults.push({
      title: 'Redis not responding',
      detail:
        'Redis is not responding to the query service. Intake refuses messages. Reads still work. The state of the processes and of the queue is unknown.',
    });
  if (database !== 'ok') faults.push({ title: 'database not readable', detail: database });
  if (ledger !== null) faults.push(...ofLedger(ledger));
  for (const service of SERVICES) {
    const fault = absence(service, figures);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}

function ofSound({ ledger, queue, dead_letters: letters }: Figures): SystemState {
  const waiting = ledger?.waiting ?? 0;
  if (waiting > 0) {
    const seconds = Math.round(queue?.oldest_age_seconds ?? 0);
    return {
      level: 'busy',
      title: `${waiting} waiting`,
      detail: `The oldest message has waited for ${seconds} s. The writer is storing them.`,
    };
  }
  const lettersCount = Object.values(letters ?? {}).reduce((sum, count) => sum + count, 0);
  if (letters !== null && lettersCount > 0)
    return {
      level: 'busy',
      title: lettersCount === 1 ? '1 dead letter' : `${lettersCount} dead letters`,
      detail: `The queue is empty. ${deadLettersText(letters)}.`,
    };
  const lost = ledger?.written_off ?? 0;
  const but = lost > 0 ? `, except ${messagesText(lost)} that an operator wrote off` : '';
  return {
    level: 'good',
    title: 'all stored',
    detail: `The queue is empty. Every acknowledged message is in the database${but}.`,
  };
}

export function withState(figures: Figures): Sample {
  const faults = faultsOf(figures);
  const [worst] = faults;
  const state: SystemState = worst === undefined ? ofSound(figures) : { level: 'bad', ...worst };
  return { ...figures, state, faults: faults.map(({ detail }) => detail) };
}
