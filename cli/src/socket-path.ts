import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The shortest limit of the systems we know is 104 bytes with the closing NUL (macOS); Linux has 108. */
const SOCKET_PATH_BYTES_MAX = 100;

/**
 * Where the socket `name` of a data directory lives: inside it, or, when that path is too long for a socket or has a
 * `?` (which Redis clients read as the start of options), in a directory of ours under the system's temporary one.
 * `dataDir` must be a real path, so that every spelling of it leads to the same socket.
 */
export function socketPath(dataDir: string, name: string, temporary = tmpdir()): string {
  const inside = join(dataDir, name);
  if (Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX && !inside.includes('?')) return inside;
  const uid = process.getuid?.() ?? 0;
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const directory = join(temporary, `lyftr-${uid}-${key}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { mode, uid: owner } = lstatSync(directory);
  // anybody may make a directory under /tmp, and would then be asked for our lock or be given our messages
  if (owner !== uid || (mode & 0o077) !== 0)
    throw new Error(`${directory} is open to other users: remove it`);
  return join(directory, name);
}
