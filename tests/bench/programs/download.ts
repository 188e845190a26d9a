// Downloads a large file again and again on several connections, and discards
// it: download.ts PORT PATH CONNECTIONS SECONDS. Prints the bytes and seconds
// as JSON. wrk reads only 8 KB at a time, so it would be the limit.

const [port = "0", path = "/", connections = "1", seconds = "1"] = Deno.args;
const BLOCK_BYTES = 1_048_576;
const request = new TextEncoder().encode(
  `GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
);
const started = performance.now();
const end = started + Number(seconds) * 1000;
const block = new Uint8Array(BLOCK_BYTES); // for all bytes, which are ignored

async function download(): Promise<number> {
  let bytes = 0;
  while (performance.now() < end) {
    using conn = await Deno.connect({
      port: Number(port),
      hostname: "127.0.0.1",
    });
    await conn.write(request);
    for (;;) {
      const count = await conn.read(block);
      if (count === null || performance.now() >= end) break;
      bytes += count;
    }
  }
  return bytes;
}

const counts = await Promise.all(
  Array.from({ length: Number(connections) }, download),
);
const time = (performance.now() - started) / 1000;
const bytes = counts.reduce((sum, count) => sum + count, 0);
console.log(JSON.stringify({ bytes, seconds: time }));
