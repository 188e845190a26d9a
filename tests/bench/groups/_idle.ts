// Connections that are idle after one response.

/** How many are opened at a time. */
const BATCH = 100;
/** Less than the 5 s after which many servers close idle connections. */
const TIMEOUT_MS = 4_500;

/**
 * Opens connections, reads one response on each, and holds them until the
 * result is disposed of.
 *
 * It opens fewer if the server accepts no more, or the time is over.
 */
export async function holdConnections(
  port: number,
  { path, count }: { readonly path: string; readonly count: number },
): Promise<Disposable> {
  const connections: Deno.Conn[] = [];
  const timeUp = new Promise<true>((resolve) =>
    setTimeout(resolve, TIMEOUT_MS, true)
  );
  const request = new TextEncoder().encode(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n\r\n`,
  );
  const open = async () => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    connections.push(conn);
    await conn.write(request);
    await conn.read(new Uint8Array(4_096));
  };
  let isFull = false;
  while (connections.length < count && !isFull) {
    const batch = Promise.all(Array.from({ length: BATCH }, open));
    isFull = await Promise.race([
      batch.then(() => false, () => true),
      timeUp,
    ]);
  }
  return {
    [Symbol.dispose]: () => {
      for (const conn of connections) conn.close();
    },
  };
}
