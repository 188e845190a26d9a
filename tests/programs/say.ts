// A server that sends its argument to one client, whatever the request:
//   deno run -N tests/programs/say.ts 8001 'HTTP/1.0 200 OK\r\n\r\nhi'
// Without a text it closes while the client is still sending.

const [port, text = ""] = Deno.args;
const escapes: Record<string, string> = { r: "\r", n: "\n" };
const words = text.replace(/\\([rn])/g, (_, letter) => escapes[letter]!);

using listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
using conn = await listener.accept();
await conn.read(new Uint8Array(words === "" ? 1 : 65_536));
if (words !== "") await conn.write(new TextEncoder().encode(words));
