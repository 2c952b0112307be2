/** Peer: plain `node:http` that verifies GitHub's signature, answers, and throws the body away. */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PREFIX = 'sha256=';
const key = createSecretKey(Buffer.from(process.env['GITHUB_SECRET'] ?? ''));

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    const expected = createHmac('sha256', key).update(body).digest();
    const signature = String(req.headers['x-hub-signature-256']);
    const given = Buffer.from(signature.slice(PREFIX.length), 'hex');
    if (
      !signature.startsWith(PREFIX) ||
      given.length !== expected.length ||
      !timingSafeEqual(given, expected)
    ) {
      res.writeHead(401).end();
      return;
    }
    const answer = '{"status":"ok"}';
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    res.end(answer);
  });
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port }));
});
