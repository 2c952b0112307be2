import { requestText, send } from '@lyftr/cli/sender';
import { signed } from './system.js';

export interface LoadResult {
  /** How often each status was answered; 0 counts lost connections, whose request's fate is unknown. */
  statuses: Map<number, number>;
  /** By index of the body: was it acknowledged with 200? */
  acknowledged: boolean[];
}

/** Sends every body once, signed, and notes what became of it. */
export async function sendAll(
  origin: string,
  connections: number,
  bodies: readonly string[],
): Promise<LoadResult> {
  const result: LoadResult = { statuses: new Map(), acknowledged: Array.from(bodies, () => false) };
  await send({
    origin,
    connections,
    request(index) {
      const body = bodies[index];
      return body === undefined ? undefined : requestText(origin, '/webhook', body, signed(body));
    },
    answered(index, status) {
      result.statuses.set(status, (result.statuses.get(status) ?? 0) + 1);
      result.acknowledged[index] = status === 200;
    },
  });
  return result;
}
