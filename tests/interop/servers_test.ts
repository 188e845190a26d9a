// What the client finds at other people's servers, asked in the same way: a
// redirect, a part of a file, a compressed file, a second request over the same
// connection, an error, and a HEAD.

import { assertEquals } from "@std/assert";
import { Client } from "../../client/mod.ts";
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

const TEXT = "Knock knock.\n".repeat(1_000);

/** What a server does, as far as its answers tell. */
interface Findings {
  /** Where `/folder` leads, after the status. */
  readonly redirect: string;
  /** The status of a request for five bytes. */
  readonly range: 200 | 206;
  /** The coding of a text for a client that takes gzip. */
  readonly coding: "gzip" | null;
  /** How the length of a text is told to a client without codings. */
  readonly end: "length" | "close" | "chunked";
  /** Whether a second request goes over the same connection. */
  readonly reused: boolean;
}

interface Server {
  readonly peer: Peer;
  /** Starts it in a folder whose `www` it serves, and tells the port. */
  readonly start: (
    folder: string,
    stack: AsyncDisposableStack,
  ) => Promise<number | undefined>;
  readonly findings: Findings;
}

const BUSYBOX: Peer = { program: "busybox", package: "busybox" };
const NODE: Peer = { program: "node", package: "nodejs" };

/** A server of a few lines, as people write them. */
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
];

/** Asks a server; what every server must do is asserted on the way. */
async function ask(url: string): Promise<Findings> {
  let uses = 1;
  await using client = new Client({
    decode: true,
    trace: (event) => {
      if (event.type === "reused") uses = Math.max(uses, event.uses);
    },
  });
  const folder = await client.get(`${url}/folder`);
  assertEquals(await folder.text(), "<p>Who's there?\n");
  const [hop] = folder.hops;
  const coded = await client.get(`${url}/text.txt`);
  assertEquals(await coded.text(), TEXT);
  const headers = { Range: "bytes=0-4" };
  const part = await client.get(`${url}/text.txt`, { headers });
  assertEquals(await part.text(), part.status === 206 ? "Knock" : TEXT);
  const plain = await client.get(`${url}/text.txt`, { decode: false });
  assertEquals(await plain.text(), TEXT);
  const missing = await client.get(`${url}/none`);
  assertEquals([missing.status, missing.ok], [404, false]);
  await missing.text();
  const head = await client.head(`${url}/text.txt`);
  assertEquals([head.status, await head.text()], [200, ""]);
  return {
    redirect: `${hop?.status} ${folder.url.slice(url.length)}`,
    range: part.status as 200 | 206,
    coding: coded.headers.get("Content-Encoding") as "gzip" | null,
    end: plain.end as Findings["end"],
    reused: uses > 1,
  };
}

async function makeFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  await Deno.chmod(folder, 0o755); // Apache reads it as another user
  await Deno.mkdir(`${folder}/www/folder`, { recursive: true });
  await Deno.writeTextFile(`${folder}/www/text.txt`, TEXT);
  await Deno.writeTextFile(
    `${folder}/www/folder/index.html`,
    "<p>Who's there?\n",
  );
  return folder;
}

for (const { peer, start, findings } of SERVERS) {
  const isMissing = findProgram(peer.program) === null;
  Deno.test({
    name: `Client gets what ${peer.program} serves` +
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
