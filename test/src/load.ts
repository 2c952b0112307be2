/** Many deliveries over keep-alive connections, one at a time on each, as a gateway sends them. */
import { connect, type Socket } from 'node:net';
import { sign } from './system.js';

export interface LoadOptions {
  origin: string;
  connections: number;
  /** Bodies in the order in which they are sent. */
  bodies: readonly string[];
  path?: string;
  contentType?: string;
}

export interface LoadResult {
  /** How often each status was answered. */
  statuses: Map<number, number>;
  /** By index of the body: was it acknowledged with 200? */
  acknowledged: boolean[];
  /** Connections that were lost with a request on them: its fate is unknown. */
  lost: number;
}

const ANSWER = /^HTTP\/1\.1 (\d{3})[^]*?\r\ncontent-length: (\d+)\r\n[^]*?\r\n\r\n/i;

/** Sends every body once. A connection that is lost or refused is opened again for the next body. */
export async function sendAll({
  origin,
  connections,
  bodies,
  path = '/webhook',
  contentType,
}: LoadOptions): Promise<LoadResult> {
  const { hostname, port } = new URL(origin);
  const result: LoadResult = { statuses: new Map(), acknowledged: Array.from(bodies, () => false), lost: 0 };
  const type = contentType ?? 'application/json';
  let next = 0;

  function exchange(socket: Socket, index: number): Promise<void> {
    const body = bodies[index] as string;
    return new Promise((resolve, reject) => {
      let received = '';
      const onData = (chunk: Buffer) => {
        received += chunk.toString('latin1');
        const match = ANSWER.exec(received);
        if (match === null || received.length < match[0].length + Number(match[2])) return;
        socket.off('data', onData).off('close', onClose);
        const status = Number(match[1]);
        result.statuses.set(status, (result.statuses.get(status) ?? 0) + 1);
        if (status === 200) result.acknowledged[index] = true;
        if (/\r\nconnection: close\r\n/i.test(match[0])) socket.destroy();
        resolve();
      };
      const onClose = () => reject(new Error('connection lost'));
      socket.on('data', onData).on('close', onClose);
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ${type}\r\nx-signature: ${sign(body)}\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
  }

  async function run(): Promise<void> {
    let socket: Socket | undefined;
    while (next < bodies.length) {
      const index = next++;
      if (socket === undefined || socket.destroyed) {
        socket = connect({ host: hostname, port: Number(port), noDelay: true });
        socket.on('error', () => {});
      }
      try {
        await exchange(socket, index);
      } catch {
        result.lost++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    socket?.destroy();
  }

  await Promise.all(Array.from({ length: connections }, run));
  return result;
}
