/** Starts a server that sends back its requests, and sets cookies. */
export function startEcho(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const url = new URL(request.url);
      const headers = new Headers();
      if (url.pathname === "/cookies") {
        headers.append("Set-Cookie", "longer-name=1; Path=/; HttpOnly");
        headers.append("Set-Cookie", "lasting=2; Max-Age=1000");
        headers.append("Set-Cookie", "foreign=3; Domain=example.com");
        headers.append("Set-Cookie", "old=4; Max-Age=0");
      }
      if (url.search === "?redirect") headers.set("Location", "/again");
      if (url.pathname === "/away") {
        headers.set("Location", `http://localhost:${url.port}/`);
      }
      const status = headers.has("Location") ? 302 : 200;
      return new Response(await describe(request), { status, headers });
    },
  );
}

/**
 * Fields that may differ: the programs decode different codings, and keep
 * connections in different ways.
 */
const IGNORED = ["accept-encoding", "connection"];

/** Describes a request without these fields and the program's name. */
async function describe(request: Request): Promise<string> {
  const { pathname, search } = new URL(request.url);
  const isForm = request.headers.get("content-type")?.startsWith("multipart/");
  const fields = [...request.headers].filter(([name, value]) =>
    !IGNORED.includes(name) &&
    !(name === "content-length" && isForm) && // boundaries differ in length
    !(name === "user-agent" && /^(?:curl|Knock)\//.test(value))
  );
  return [
    `${request.method} ${pathname}${search}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    "",
    await request.text(),
  ].join("\n");
}
