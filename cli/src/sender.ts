/**
 * Sends many requests over keep-alive connections, one at a time on each, like a gateway. It works in a closed loop
 * (as fast as responses arrive) or at a given rate. It writes and reads HTTP/1.1 itself, because `fetch` costs more
 * CPU than the server under load.
 */
import { connect, type Socket } from 'node:net';

export interface SendOptions {
  origin: string;
  connections: number;
  /** Returns the bytes of request `index`, from 0. Undefined ends the run. Called when the request is due. */
  request: (index: number) => string | Buffer | undefined;
  /** Requests to start per second. Undefined: as fast as responses arrive. */
  perSecond?: number;
  /**
   * Called once for each request. `status` is 0 when the connection was lost, so that the outcome is unknown.
   * `latencyMs` starts when the request was due, so the latency includes the time that it waited because of a slow
   * server.
   */
  answered: (index: number, status: number, latencyMs: number) => void;
  signal?: AbortSignal;
}

const ANSWER = /^HTTP\/1\.1 (\d{3})[^]*?\r\ncontent-length: (\d+)(?=\r\n)[^]*?\r\n\r\n/i;
const LAST = /\r\nconnection: close\r\n/i;
const RECONNECT_MS = 50;

/** One connection. It is opened when needed, and again after it was lost. */
class Connection {
  private socket: Socket | undefined;
  private readonly host: string;
  private readonly port: number;

  constructor(origin: URL) {
    this.host = origin.hostname.replace(/^\[|\]$/g, '');
    this.port = Number(origin.port === '' ? 80 : origin.port);
  }

  /** Resolves with the status, or 0 when the connection was lost. */
  exchange(request: string | Buffer): Promise<number> {
    const socket = this.open();
    return new Promise((resolve) => {
      let received = '';
      const finish = (status: number): void => {
        socket.off('data', onData).off('close', onClose);
        resolve(status);
      };
      const onData = (chunk: Buffer): void => {
        received += chunk.toString('latin1');
        const match = ANSWER.exec(received);
        if (match === null || received.length < match[0].length + Number(match[2])) return;
        if (LAST.test(match[0])) socket.destroy();
        finish(Number(match[1]));
      };
      const onClose = (): void => finish(0);
      socket.on('data', onData).on('close', onClose);
      socket.write(request);
    });
  }

  private open(): Socket {
    if (this.socket === undefined || this.socket.destroyed) {
      this.socket = connect({ host: this.host, port: this.port, noDelay: true });
      this.socket.on('error', () => {});
    }
    return this.socket;
  }

  close(): void {
    this.socket?.destroy();
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when every request has its response. After the signal aborts, no new requests start. */
export async function send(options: SendOptions): Promise<void> {
  const { connections, request, perSecond, answered, signal } = options;
  const origin = new URL(options.origin);
  const startedAt = performance.now();
  const dueAt = (index: number): number =>
    perSecond === undefined ? performance.now() : startedAt + (index * 1_000) / perSecond;
  let next = 0;
  let ended = false;

  async function run(): Promise<void> {
    const connection = new Connection(origin);
    while (!ended && signal?.aborted !== true) {
      const index = next++;
      const bytes = request(index);
      if (bytes === undefined) {
        ended = true;
        break;
      }
      const due = dueAt(index);
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      // a timer may fire up to a millisecond early, which must not shorten the latency
      const from = Math.min(due, performance.now());
      const status = await connection.exchange(bytes);
      answered(index, status, performance.now() - from);
      if (status === 0) await sleep(RECONNECT_MS);
    }
    connection.close();
  }

  await Promise.all(Array.from({ length: connections }, run));
}

/** The lines of a head, each with its line end. */
export const headerLines = (headers: Record<string, string>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);

/** The bytes of a request. `signature` has the headers with the signature. */
export function requestText(
  origin: string,
  path: string,
  body: string,
  signature: Record<string, string>,
  contentType = 'application/json',
): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: ${new URL(origin).host}\r\nContent-Type: ${contentType}\r\n` +
    `${headerLines(signature).join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** The `fraction` quantile (0.99 is p99) of latencies. Sorts them in place. NaN when there are none. */
export function percentile(latencies: number[], fraction: number): number {
  latencies.sort((a, b) => a - b);
  return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * fraction))] ?? NaN;
}
