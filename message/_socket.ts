/**
 * Makes a socket send short writes at once, if it is one of TCP. Otherwise each
 * waits until the one before it is acknowledged, which takes some systems 40
 * ms: with TLS, so long for each request.
 */
export function sendAtOnce(socket: object): void {
  try {
    (socket as { setNoDelay?(): void }).setNoDelay?.();
  } catch {
    // It is closed, or the other side has just left. The next write tells
  }
}
