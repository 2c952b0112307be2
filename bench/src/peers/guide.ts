/**
 * Peer (b): what the packages' own guides lead to. Express with `express.raw`, one `queue.add` a message, and (with
 * ROLE=worker) a worker that inserts one row per job. The same Redis and the same fsyncs as ours.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import Database from 'better-sqlite3';
import { Queue, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';

const env = (name: string): string => process.env[name] ?? '';
const connection = new Redis(env('REDIS_SOCKET'), { maxRetriesPerRequest: null });

interface Message {
  message_id: string;
  from: string;
  to: string;
  ts: number;
  text: string;
}

function serve(): void {
  const queue = new Queue<Message>('messages', { connection });
  const app = express();
  app.post('/webhook', express.raw({ type: 'application/json' }), async (req, res) => {
    const body = req.body as Buffer;
    const expected = createHmac('sha256', env('WEBHOOK_SECRET')).update(body).digest();
    const given = Buffer.from(req.get('x-signature') ?? '', 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      res.sendStatus(401);
      return;
    }
    const message = JSON.parse(body.toString()) as Message;
    if (typeof message.message_id !== 'string') {
      res.sendStatus(422);
      return;
    }
    await queue.add('message', message, { removeOnComplete: true });
    res.json({ status: 'ok' });
  });
  const server = app.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port }));
  });
}

function work(): void {
  const database = new Database(env('DATABASE'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(
    `CREATE TABLE messages (message_id TEXT PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL,
       ts INTEGER NOT NULL, text TEXT NOT NULL);
     CREATE INDEX by_time ON messages (ts, message_id);
     CREATE INDEX by_sender ON messages (sender, ts);`,
  );
  const insert = database.prepare(
    'INSERT INTO messages VALUES (?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING',
  );
  const worker = new Worker<Message>(
    'messages',
    async ({ data }) => {
      insert.run(data.message_id, data.from, data.to, data.ts, data.text);
    },
    { connection, concurrency: 50 },
  );
  worker.on('error', (error) => console.error(error));
  console.log(JSON.stringify({ msg: 'listening', port: 0 }));
}

if (env('ROLE') === 'worker') work();
else serve();
