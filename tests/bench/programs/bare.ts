// A socket loop that answers whatever comes with the same bytes: no parser, no handler, no limits. What is left is what
// the platform costs, so this is the ceiling. bare.ts PORT FILE keep|close

const [port = "0", path = "", connection = "keep"] = Deno.args;
const isKept = connection === "keep";
const body = await Deno.readFile(path);
const head = new TextEncoder().encode(
  `HTTP/1.0 200 OK\r\nConnection: ${
    isKept ? "keep-alive" : "close"
  }\r\nContent-Length: ${body.length}\r\n\r\n`,
);
const answer = new Uint8Array([...head, ...body]);

for await (
  const conn of Deno.listen({ port: Number(port), hostname: "127.0.0.1" })
) {
  void serve(conn);
}

async function serve(conn: Deno.Conn): Promise<void> {
  const block = new Uint8Array(4_096);
  try {
    while (await conn.read(block) !== null) {
      let rest = answer;
      while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
      if (!isKept) break;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error; // the load ends when its time is over
  } finally {
    conn.close();
  }
}
