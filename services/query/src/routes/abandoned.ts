import type { ServerResponse } from 'node:http';

/** Aborts when the client disconnects before the response is complete. */
export function abandoned(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
