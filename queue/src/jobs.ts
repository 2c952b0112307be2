/** Selects, orders and reads the jobs of one round. */
import { Worker, type Job, type JobJson } from 'bullmq';
import type { Numbers, QueueBatch } from '@lyftr/shared/batch';
import { LEASE_KEY } from '@lyftr/shared/runtime/leader';
import { UNNAMED_JOBS } from '@lyftr/shared/ledger';
import type { Redis } from 'ioredis';
import { numbersOfJob, readEnvelope, UnknownVersionError } from './envelope.js';
import { queueKey } from './options.js';

const ROUND_JOBS_MAX = 64;
const ROUND_MESSAGES_MAX = 4_000;
/** Size of the jobs in Redis. Parsed jobs take several times as much memory. */
const ROUND_BYTES_MAX = 8 * 1_024 * 1_024;
/** For a job whose name has another form. */
const MESSAGE_BYTES_GUESS = 64;

/**
 * Begins a round. This writer has no active jobs at that moment, so every active job belonged to an earlier writer or
 * to an interrupted round. Such jobs go back to the end of `wait` from which jobs are taken, in the order of their
 * ids. The first delivery of a message id therefore stays first across every takeover. BullMQ itself would wait until
 * the locks expire, and would put stalled jobs back in the order of a set.
 *
 * KEYS: lease, active, wait, stalled. ARGV: this writer, prefix of the jobs' keys, number of jobs to examine. Returns
 * the number of jobs that were put back, then the name and the size in bytes of the next jobs, oldest first.
 */
const BEGIN = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASE this writer does not hold the lease') end
local left = redis.call('LRANGE', KEYS[2], 0, -1)
table.sort(left, function(a, b) return (tonumber(a) or 0) > (tonumber(b) or 0) end)
for _, id in ipairs(left) do
  redis.call('RPUSH', KEYS[3], id)
  redis.call('DEL', ARGV[2] .. id .. ':lock')
end
if #left > 0 then redis.call('DEL', KEYS[2], KEYS[4]) end
local answer = { #left }
local ids = redis.call('LRANGE', KEYS[3], -tonumber(ARGV[3]), -1)
for i = #ids, 1, -1 do
  local job = ARGV[2] .. ids[i]
  answer[#answer + 1] = redis.call('HGET', job, 'name') or ''
  answer[#answer + 1] = redis.call('HSTRLEN', job, 'data')
end
return answer`;

/**
 * Puts active jobs back and returns how many jobs fit into a round. Rejects when this writer does not hold the lease.
 */
export async function beginRound(
  redis: Redis,
  instance: string,
): Promise<{ orphans: number; width: number }> {
  const keys = [LEASE_KEY, queueKey('active'), queueKey('wait'), queueKey('stalled')];
  const answer = await redis.eval(BEGIN, keys.length, ...keys, instance, queueKey(''), ROUND_JOBS_MAX);
  const [orphans, ...jobs] = answer as [number, ...(string | number)[]];
  let [width, messages, bytes] = [0, 0, 0];
  for (let i = 0; i < jobs.length; i += 2) {
    const size = jobs[i + 1] as number;
    const range = numbersOfJob(jobs[i] as string)?.range;
    messages += range === undefined ? size / MESSAGE_BYTES_GUESS : range[1] - range[0] + 1;
    bytes += size;
    // at least one job, whatever its size
    if (width > 0 && (messages > ROUND_MESSAGES_MAX || bytes > ROUND_BYTES_MAX)) break;
    width++;
  }
  return { orphans, width };
}

export const isFull = (jobs: number): boolean => jobs === ROUND_JOBS_MAX;

/**
 * BullMQ parses a job when it fetches it, and throws when the job is not JSON. That job could then never be settled.
 */
export class JobReader extends Worker {
  protected override createJob(json: JobJson, id: string): Job {
    try {
      JSON.parse(json.data);
    } catch {
      return super.createJob({ ...json, data: JSON.stringify({ unreadable: json.data }) }, id);
    }
    return super.createJob(json, id);
  }
}

/** The batch in the name of a job. A job whose name has another form counts as one message of UNNAMED_JOBS. */
function nameOf({ name, id = '' }: Job): Numbers {
  const numbers = numbersOfJob(name);
  if (numbers !== undefined) return numbers;
  const number = Number(id);
  return Number.isSafeInteger(number) && number > 0
    ? { producer: UNNAMED_JOBS, range: [number, number] }
    : { producer: `${UNNAMED_JOBS}-${id.replaceAll(':', '-')}`, range: [1, 1] };
}

/** Throws UnknownVersionError. Any other fault is returned as a Corrupt batch. */
export function readBatch(job: Job): QueueBatch {
  try {
    return readEnvelope(job.data);
  } catch (error) {
    if (error instanceof UnknownVersionError) throw error;
    return { numbers: nameOf(job), corrupt: JSON.stringify(job.data) ?? 'null', reason: String(error) };
  }
}
