import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;
const POLL_SLOW_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;

export interface Probe {
  name: string;
  /** The URL of its `/readyz`. */
  url: string;
}

/**
 * Undefined when ready. Otherwise the dependencies that are not ready, with their states, or why there is no
 * response.
 */
export async function notReady(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    const { dependencies = {} } = (await response.json()) as { dependencies?: Record<string, string> };
    if (response.ok) return undefined;
    const faults = Object.entries(dependencies).filter(([, state]) => state !== 'ok');
    return faults.map(([name, state]) => `${name}: ${state}`).join(', ') || `status ${response.status}`;
  } catch {
    return 'not responding yet';
  }
}

/**
 * Resolves when every probe returns 200. After `patienceMs`, reports once which probes are missing and keeps waiting,
 * because services recover by themselves. Rejects when `signal` aborts.
 */
export async function allReady(
  probes: readonly Probe[],
  patienceMs: number,
  signal: AbortSignal,
  onLate: (name: string, state: string) => void,
): Promise<void> {
  const startedAt = performance.now();
  let late = false;
  for (;;) {
    const states = await Promise.all(probes.map(({ url }) => notReady(url)));
    if (states.every((state) => state === undefined)) return;
    if (!late && performance.now() - startedAt > patienceMs) {
      late = true;
      probes.forEach(({ name }, i) => {
        const state = states[i];
        if (state !== undefined) onLate(name, state);
      });
    }
    await delay(late ? POLL_SLOW_MS : POLL_MS, undefined, { signal });
  }
}
