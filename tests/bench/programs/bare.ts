// A socket loop that sends a file, whatever the request: no parser, no handler,
// no limits. Only the cost of the platform remains, so this is the ceiling.
// bare.ts PORT FILE keep|close: a small file is held in memory, a larger one is
// read block by block.

const [port = "0", path = "", connection = "keep"] = Deno.args;
const isKept = connection === "keep";
const BLOCK_BYTES = 1_048_576;
const { size } = await Deno.stat(path);
const head = new TextEncoder().encode(
  `HTTP/1.0 200 OK\r\nConnection: ${
    isKept ? "keep-alive" : "close"
  }\r\nContent-Length: ${size}\r\n\r\n`,
);
const response = size > BLOCK_BYTES
  ? null
  : new Uint8Array([...head, ...await Deno.readFile(path)]);
const listener = Deno.listen({ port: Number(port), hostname: "127.0.0.1" });

for await (const conn of listener) void serve(conn);

async function serve(conn: Deno.Conn): Promise<void> {
  const request = new Uint8Array(4_096);
  try {
    while (await conn.read(request) !== null) {
      if (response === null) await sendFile(conn);
      else await sendAll(conn, response);
      if (!isKept) break;
    }
  } catch (error) {
    if (!isLost(error)) throw error;
  } finally {
    conn.close();
  }
}

async function sendFile(conn: Deno.Conn): Promise<void> {
  await sendAll(conn, head);
  using file = Deno.openSync(path);
  const block = new Uint8Array(BLOCK_BYTES);
  for (;;) {
    const count = file.readSync(block);
    if (count === null) return;
    await sendAll(conn, block.subarray(0, count));
  }
}

async function sendAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

/** Whether the load has left because its time is over. */
function isLost(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe;
}
