/** Checks that a running system has stored every message that it acknowledged to one sender. */
import { setTimeout as delay } from 'node:timers/promises';

export interface StoredCheckOptions {
  origin: string;
  token: string | undefined;
  /** The sender of all messages of the run, and of no others. */
  sender: string;
  acknowledged: number;
  /** Messages with an unknown outcome. They may be stored or not. */
  unknownIds: readonly string[];
}

export interface StoredCheck {
  /** Number of stored messages of this sender. */
  stored: number;
  /** Number of acknowledged messages that are not stored. */
  missing: number;
}

const POLL_MS = 100;
/** The check stops when the number of stored messages has not grown for this long. */
const STANDSTILL_MS = 15_000;

export async function checkStored(options: StoredCheckOptions): Promise<StoredCheck> {
  const { origin, token, sender, acknowledged, unknownIds } = options;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };

  async function get(path: string): Promise<Response> {
    const response = await fetch(`${origin}${path}`, { headers });
    if (response.status === 401) throw new Error('reads require a token: set API_TOKEN');
    return response;
  }

  async function countRows(): Promise<number> {
    const response = await get(`/messages?from_=${encodeURIComponent(sender)}&limit=1`);
    if (response.status !== 200) throw new Error(`GET /messages returned ${response.status}`);
    return ((await response.json()) as { total: number }).total;
  }

  /** The number of stored messages with an unknown outcome. They must not be counted as acknowledged. */
  async function countUnknownRows(): Promise<number> {
    let found = 0;
    for (const id of unknownIds) {
      const { status } = await get(`/messages/${encodeURIComponent(id)}`);
      if (status === 200) found++;
    }
    return found;
  }

  let stored = 0;
  let grownAt = performance.now();
  for (;;) {
    const rows = await countRows();
    if (rows > stored) grownAt = performance.now();
    stored = rows;
    if (stored >= acknowledged + unknownIds.length) break;
    if (stored >= acknowledged && stored - (await countUnknownRows()) >= acknowledged) break;
    if (performance.now() - grownAt > STANDSTILL_MS) break;
    await delay(POLL_MS);
  }
  const unknownRows = unknownIds.length === 0 ? 0 : await countUnknownRows();
  return { stored, missing: Math.max(0, acknowledged - (stored - unknownRows)) };
}
