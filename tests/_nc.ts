// As netcat: what comes on stdin goes to a host and port, and what comes from
// there to stdout, until the other side ends.

const [hostname = "localhost", port] = Deno.args;
const conn = await Deno.connect({ hostname, port: Number(port) });
Deno.stdin.readable.pipeTo(conn.writable, { preventClose: true })
  .catch(() => {});
for await (const bytes of conn.readable) {
  for (let at = 0; at < bytes.length;) {
    at += await Deno.stdout.write(bytes.subarray(at));
  }
}
Deno.exit();
