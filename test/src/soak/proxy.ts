/** A TCP proxy between one service and Redis that behaves as networks do. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';

/** A reply comes within a millisecond: the request was executed by then, and its reply is what gets lost. */
const CUT_AFTER_MS = 20;

interface Link {
  client: Socket;
  redis: Socket;
}

export interface RedisProxy {
  /** `REDIS_URL` of the service behind it. */
  readonly url: string;
  /** Every chunk takes this long, in both directions; order is kept. 0 ends it. */
  delay(latencyMs: number): void;
  /** The next `count` requests that run a script reach Redis, and their connections are lost before the reply. */
  cut(count: number): void;
  /** One side of every connection says that it sends no more. */
  halfClose(side: keyof Link): void;
  /** Loses every connection and refuses new ones, until `accept`. */
  refuse(): void;
  accept(): Promise<void>;
  close(): void;
}

export async function startProxy(redisSocket: string): Promise<RedisProxy> {
  const links = new Set<Link>();
  let latencyMs = 0;
  let cuts = 0;

  function lose(link: Link): void {
    links.delete(link);
    link.client.destroy();
    link.redis.destroy();
  }

  /** True when the request was taken to be lost: it is forwarded whole, and nothing comes back. */
  function cutOff(link: Link, chunk: Buffer): boolean {
    if (cuts === 0 || !chunk.includes('evalsha')) return false;
    cuts--;
    link.redis.removeAllListeners('data').resume();
    link.redis.end(chunk);
    setTimeout(() => lose(link), CUT_AFTER_MS);
    return true;
  }

  function carry(link: Link, from: Socket, to: Socket): void {
    const held: Buffer[] = [];
    from.on('data', (chunk: Buffer) => {
      if (from === link.client && cutOff(link, chunk)) return;
      if (latencyMs === 0 && held.length === 0) {
        to.write(chunk);
        return;
      }
      held.push(chunk);
      // each timer lets the oldest go, so a shorter latency does not change the order
      setTimeout(() => to.write(held.shift() as Buffer), latencyMs);
    });
    from.on('end', () => to.end());
    from.on('error', () => lose(link));
    from.on('close', () => lose(link));
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const redis = connect({ path: redisSocket, allowHalfOpen: true });
    const link = { client, redis };
    links.add(link);
    carry(link, client, redis);
    carry(link, redis, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `redis://127.0.0.1:${port}`,
    delay(ms) {
      latencyMs = ms;
    },
    cut(count) {
      cuts = count;
    },
    halfClose(side) {
      for (const link of links) link[side].end();
    },
    refuse() {
      server.close();
      for (const link of links) lose(link);
    },
    async accept() {
      if (server.listening) return;
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    close() {
      server.close();
      for (const link of links) lose(link);
    },
  };
}
