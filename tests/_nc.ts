// A netcat: sends stdin to a host and port, and prints what comes back, until
// the other side closes.

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
