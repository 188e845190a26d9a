// A server that says what it is told, to one client, whatever that asks for:
//   deno run -N tests/programs/say.ts 8001 'HTTP/1.0 200 OK\r\n\r\nhi'
// With nothing to say, it hangs up in the middle of what the client says.

const [port, text = ""] = Deno.args;
const escapes: Record<string, string> = { r: "\r", n: "\n" };
const words = text.replace(/\\([rn])/g, (_, letter) => escapes[letter]!);

using listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
using conn = await listener.accept();
await conn.read(new Uint8Array(words === "" ? 1 : 65_536));
if (words !== "") await conn.write(new TextEncoder().encode(words));
