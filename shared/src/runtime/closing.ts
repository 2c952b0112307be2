/**
 * The end of a connection that was answered. A socket that is closed while bytes arrive resets the connection, and a
 * reset takes the answer away from a peer that has not read it yet (RFC 9112, 9.6). A proxy then counts a failure of
 * this service, although the sender was at fault. So the peer is given time to read and to close first.
 */
import type { Socket } from 'node:net';

/** What still arrives is read up to this much. Then the peer has to wait, which stops it from writing. */
const DISCARDED_BYTES_MAX = 1024 * 1024;
/** A peer that has not closed by then is cut off. */
const CLOSE_WAIT_MS = 2_000;

/** Writes a last text and the end of the stream, and discards what still arrives. Destroys the socket after a bounded time. */
export function closeBehindAnswer(socket: Socket, text = '', encoding: BufferEncoding = 'utf8'): void {
  if (socket.destroyed || socket.writableEnded) return;
  let discardedBytes = 0;
  // whoever read this connection, as an HTTP parser, sees no more of it
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.on('data', (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > DISCARDED_BYTES_MAX) socket.pause();
  });
  const timer = setTimeout(() => socket.destroy(), CLOSE_WAIT_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(text, encoding);
  socket.resume();
}
