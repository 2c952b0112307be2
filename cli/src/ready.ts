import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;
const POLL_SLOW_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;

export interface Probe {
  name: string;
  /** Of its `/readyz`. */
  url: string;
}

/** `undefined` when ready; otherwise the dependencies that are not, with their states, or why there is no answer. */
export async function notReady(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    const { dependencies = {} } = (await response.json()) as { dependencies?: Record<string, string> };
    if (response.ok) return undefined;
    const faults = Object.entries(dependencies).filter(([, state]) => state !== 'ok');
    return faults.map(([name, state]) => `${name}: ${state}`).join(', ') || `answers ${response.status}`;
  } catch {
    return 'does not answer yet';
  }
}

/**
 * Resolves once every probe answers 200. What is still missing after `patienceMs` is told once, and the wait goes on:
 * services mend themselves. Rejects when `signal` aborts.
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
