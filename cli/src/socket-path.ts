import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = 'redis.sock';
/** The lowest limit of common systems is 104 bytes with the closing NUL (macOS). Linux has 108. */
const SOCKET_PATH_BYTES_MAX = 100;

const isUsable = (path: string): boolean =>
  Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX && !path.includes('?');

/**
 * A path to the Redis socket of a data directory. The socket itself is always inside the directory, so every start
 * finds a Redis that was left running. Its path may be too long for a socket, or contain a `?`, which Redis clients
 * read as the start of options. Then the returned path is a link in our own directory under the temporary directory
 * of the system. `dataDir` must be a real path. Throws when another user could change that link.
 */
export function redisSocket(dataDir: string, temporary = tmpdir()): string {
  const inside = join(dataDir, NAME);
  if (isUsable(inside)) return inside;
  const uid = process.getuid?.() ?? 0;
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const name = `lyftr-${uid}-${key}`;
  const directory = join(isUsable(join(temporary, name, 'data', NAME)) ? temporary : '/tmp', name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { mode, uid: owner } = lstatSync(directory);
  // any user can create this directory under /tmp and would then receive our messages
  if (owner !== uid || (mode & 0o077) !== 0)
    throw new Error(`other users can access ${directory}: remove it`);
  const link = join(directory, 'data');
  rmSync(link, { force: true });
  symlinkSync(dataDir, link);
  return join(link, NAME);
}
