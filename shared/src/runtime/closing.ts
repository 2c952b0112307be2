/**
 * Closes a connection after the last response. Closing a socket while bytes still arrive resets the connection. A
 * reset can discard a response that the peer has not read yet (RFC 9112, 9.6). A proxy then reports a failure of this
 * service although the sender was at fault. So we give the peer time to read the response and to close first.
 */
import type { Socket } from 'node:net';

/** Bytes to read and discard. After that we stop reading, so the peer has to stop writing. */
const DISCARDED_BYTES_MAX = 1024 * 1024;
/** Time for the peer to close. After that we destroy the socket. */
const CLOSE_WAIT_MS = 2_000;

/** Writes `text`, ends the stream, and discards what still arrives. Destroys the socket after CLOSE_WAIT_MS. */
export function closeBehindAnswer(socket: Socket, text = '', encoding: BufferEncoding = 'utf8'): void {
  if (socket.destroyed || socket.writableEnded) return;
  let discardedBytes = 0;
  // the previous reader, such as an HTTP parser, must not see the rest
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
