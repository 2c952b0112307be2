/** A server that answers as query does, and cuts its export short: a real one does so only when it dies. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ExportServer {
  origin: string;
  /** Targets of all requests. */
  asked: string[];
  close(): void;
}

/** How the stream ends behind its chunks: in order, with the connection, or not at all. */
export type Ending = 'whole' | 'cut' | 'never';

/** Serves `total` on `/messages` and `parts` as the chunks of `/export`. */
export async function startExportServer(
  total: number,
  parts: string[],
  ending: Ending,
): Promise<ExportServer> {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    const target = req.url ?? '';
    asked.push(target);
    if (!target.startsWith('/export')) {
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ total }));
      return;
    }
    for (const part of parts) res.write(part);
    // the chunks have to be on their way before the connection ends
    if (ending === 'cut') setTimeout(() => res.destroy(), 50);
    if (ending === 'whole') res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
