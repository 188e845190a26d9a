// Tests the client with other people's servers.

import { assertEquals } from "@std/assert";
import { ask, type Findings, makeFolder, TEXT } from "./_findings.ts";
import {
  APACHE,
  CADDY,
  findProgram,
  freePorts,
  LIGHTTPD,
  NGINX,
  type Peer,
  PYTHON,
  startApache,
  startLighttpd,
  startNginx,
  startPeer,
  startPython,
} from "./_servers.ts";

interface Server {
  readonly peer: Peer;
  /** Starts the server for `www` in a folder, and returns its port. */
  readonly start: (
    folder: string,
    stack: AsyncDisposableStack,
  ) => Promise<number | undefined>;
  readonly findings: Findings;
}

const BUSYBOX: Peer = { program: "busybox", package: "busybox" };
const H2O: Peer = { program: "h2o", package: "h2o" };
const NODE: Peer = { program: "node", package: "nodejs" };

/** A server in a few lines, as people write them. */
const NODE_SCRIPT = `
const fs = require("node:fs"), zlib = require("node:zlib");
require("node:http").createServer((request, response) => {
  const path = "www" + request.url;
  if (!fs.existsSync(path)) return response.writeHead(404).end("none");
  if (request.url === "/folder") {
    return response.writeHead(302, { Location: "/folder/" }).end();
  }
  const file = path.endsWith("/") ? path + "index.html" : path;
  const gzip = /gzip/.test(request.headers["accept-encoding"]);
  if (gzip) response.setHeader("Content-Encoding", "gzip");
  const stream = fs.createReadStream(file);
  (gzip ? stream.pipe(zlib.createGzip()) : stream).pipe(response);
}).listen(process.argv[1], "127.0.0.1");`;

/** Starts a program that takes its port as an argument. */
async function start(
  peer: Peer,
  args: (port: number) => readonly string[],
  folder: string,
): Promise<Awaited<ReturnType<typeof startPeer>>> {
  const ports = freePorts(1);
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  return await startPeer(peer, {
    args: args(ports[0]!),
    ports,
    cwd: folder,
    env,
  });
}

const SERVERS: readonly Server[] = [
  {
    peer: NGINX,
    start: async (folder, stack) => {
      const site = "listen PORT; gzip on; gzip_http_version 1.0; " +
        "gzip_types text/plain; absolute_redirect off;";
      return stack.use(await startNginx(folder, [site])).ports[0];
    },
    findings: {
      redirect: "301 /folder/",
      range: 206,
      coding: "gzip",
      end: "length",
      reused: true,
    },
  },
  {
    peer: APACHE,
    start: async (folder, stack) =>
      stack.use(await startApache(folder)).ports[0],
    findings: {
      redirect: "301 /folder/",
      range: 206,
      coding: "gzip",
      end: "length",
      reused: true,
    },
  },
  {
    peer: LIGHTTPD,
    start: async (folder, stack) =>
      stack.use(await startLighttpd(folder)).ports[0],
    findings: {
      redirect: "301 /folder/",
      range: 200,
      coding: null,
      end: "length",
      reused: true,
    },
  },
  {
    peer: CADDY,
    start: async (folder, stack) => {
      const args = (port: number) =>
        `file-server --root www --listen 127.0.0.1:${port}`.split(" ");
      return stack.use(await start(CADDY, args, folder)).ports[0];
    },
    findings: {
      redirect: "308 /folder/",
      range: 206,
      coding: null,
      end: "length",
      reused: true,
    },
  },
  {
    peer: PYTHON,
    start: async (folder, stack) =>
      stack.use(await startPython(folder)).ports[0],
    findings: {
      redirect: "301 /folder/",
      range: 200,
      coding: null,
      end: "length",
      reused: false,
    },
  },
  {
    peer: NODE,
    start: async (folder, stack) => {
      const args = (port: number) => ["-e", NODE_SCRIPT, `${port}`];
      return stack.use(await start(NODE, args, folder)).ports[0];
    },
    findings: {
      redirect: "302 /folder/",
      range: 200,
      coding: "gzip",
      end: "close",
      reused: false,
    },
  },
  {
    peer: BUSYBOX,
    start: async (folder, stack) => {
      const args = (port: number) =>
        `httpd -f -h www -p 127.0.0.1:${port}`.split(" ");
      return stack.use(await start(BUSYBOX, args, folder)).ports[0];
    },
    findings: {
      redirect: "302 /folder/",
      range: 206,
      coding: null,
      end: "length",
      reused: false,
    },
  },
  {
    peer: H2O,
    start: async (folder, stack) => {
      const args = (port: number) => {
        Deno.writeTextFileSync(
          `${folder}/h2o.conf`,
          `listen: { host: 127.0.0.1, port: ${port} }
compress: ON
user: ${Deno.uid() === 0 ? "root" : "nobody"}
hosts: { default: { paths: { /: { file.dir: ${folder}/www } } } }`,
        );
        return ["-m", "worker", "-c", `${folder}/h2o.conf`];
      };
      return stack.use(await start(H2O, args, folder)).ports[0];
    },
    findings: {
      // h2o compresses only for HTTP/1.1
      redirect: "301 /folder/",
      range: 206,
      coding: null,
      end: "length",
      reused: true,
    },
  },
];

for (const { peer, start, findings } of SERVERS) {
  const isMissing = findProgram(peer.program) === null;
  Deno.test({
    name: `Client works with ${peer.program}` +
      (isMissing ? ` (skipped: needs ${peer.package})` : ""),
    ignore: isMissing,
    async fn() {
      const folder = await makeFolder();
      await using stack = new AsyncDisposableStack();
      stack.defer(() => Deno.remove(folder, { recursive: true }));
      const port = await start(folder, stack);
      assertEquals(await ask(`http://127.0.0.1:${port}`), findings);
    },
  });
}

Deno.test("Client works with Deno.serve", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/text.txt") return new Response(TEXT);
      if (pathname === "/folder/") return new Response("<p>Who's there?\n");
      const headers = { Location: "/folder/" };
      return pathname === "/folder"
        ? new Response(null, { status: 302, headers })
        : new Response("none", { status: 404 });
    },
  );
  assertEquals(await ask(`http://127.0.0.1:${server.addr.port}`), {
    redirect: "302 /folder/",
    range: 200,
    coding: null,
    end: "length",
    reused: true,
  });
});
