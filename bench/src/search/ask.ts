/** Asks the query service over one keep-alive connection, one request at a time, and takes the time. */
import { Agent, get } from 'node:http';

export interface Answered {
  /** From the request to the last byte of the answer. */
  ms: number;
  body: Buffer;
}

/** An answer other than 200. */
export class RefusedError extends Error {
  constructor(path: string, status: number, body: string) {
    super(`${path} was answered ${status}: ${body}`);
    this.name = 'RefusedError';
  }
}

export interface Client {
  /** Throws RefusedError. */
  ask(path: string): Promise<Answered>;
  close(): void;
}

export function connectTo(origin: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: (path) =>
      new Promise((resolve, reject) => {
        const startedAt = performance.now();
        const request = get(`${origin}${path}`, { agent }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const ms = performance.now() - startedAt;
            const body = Buffer.concat(chunks);
            if (response.statusCode === 200) resolve({ ms, body });
            else reject(new RefusedError(path, response.statusCode ?? 0, body.toString()));
          });
        });
        request.on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}
