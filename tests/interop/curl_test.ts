// The exit code, stdout and the resulting files must be the same as with
// curl -0. If a program is missing, its commands are skipped, and the name of
// the test says which Debian package has it.

import { closedPort, latin1, serveRaw, serveReset } from "../client/_server.ts";
import { Bench } from "./_bench.ts";
import { makeCertificates } from "./_certificates.ts";
import { startEcho } from "./_echo.ts";
import {
  APACHE,
  CURL,
  findProgram,
  LIGHTTPD,
  NGINX,
  OPENSSL,
  type Peer,
  PYTHON,
  startApache,
  startLighttpd,
  startNginx,
  startPython,
  startTinyproxy,
  TINYPROXY,
} from "./_servers.ts";

/** A command, and what it reads from stdin. */
type Row = string | readonly [command: string, stdin: string];

/** A command with a different result, and why. */
interface Difference {
  readonly command: string;
  /** This client's exit code, and curl's. */
  readonly codes: readonly [ours: number, theirs: number];
  readonly reason: string;
}

const FILE_COMMANDS: readonly Row[] = [
  "{host}/hello.txt",
  "-i {host}/hello.txt",
  "-I {host}/hello.txt",
  "{host}/big.bin",
  "{host}/missing",
  "-f {host}/missing",
  "-f -i {host}/missing",
  "-o file {host}/hello.txt",
  "-o old.txt {host}/hello.txt",
  "-O {host}/hello.txt",
  "-fO {host}/missing",
  "-o missing/file {host}/hello.txt",
  "{host}/folder",
  "-L {host}/folder",
  "-Lo file {host}/folder",
  "-L -i {host}/folder",
  "{host}/hello.txt {host}/big.bin",
  "-o one {host}/hello.txt -o two {host}/big.bin",
  "-Z -o one {host}/hello.txt -o two {host}/big.bin",
  "-d a=1 {host}/hello.txt",
  "-f -X DELETE {host}/hello.txt",
  "--max-filesize 3 {host}/hello.txt",
];

const RANGE_COMMANDS: readonly Row[] = [
  "-r 0-99 {host}/big.bin",
  "-r -100 -i {host}/big.bin",
  "-r 100- -o file {host}/big.bin",
  "-r 900000000- -f {host}/big.bin",
  "-C - -o new {host}/big.bin",
  "-H Range:_bytes=1-1 {host}/hello.txt",
  "-H If-Modified-Since:_Fri,_01_Jan_2100_00:00:00_GMT -i {host}/hello.txt",
];

const NGINX_COMMANDS: readonly Row[] = [
  "--compressed {host}/hello.txt",
  "-H Accept-Encoding:_gzip {host}/hello.txt",
  "--compressed -o file {host}/hello.txt",
  "{host}/r301",
  "-L {host}/r301",
  "-L -i {host}/chain",
  "-L -d a=1 {host}/r301",
  "-L -o file {host}/chain",
  "-L {host}/loop",
  "-L --max-redirs 2 {host}/loop",
  "-L --max-redirs 0 {host}/r301",
  "{host}/private/",
  "-f {host}/private/",
  "-u ada:lovelace {host}/private/",
  "-u ada:wrong -f {host}/private/",
  "-n {host}/private/",
  "--unix-socket {socket} http://localhost/hello.txt",
  "--unix-socket {folder}/none http://localhost/hello.txt",
  "--resolve knock.example:{port}:127.0.0.1 http://knock.example:{port}/hello.txt",
  "-4 http://localhost:{port}/hello.txt",
  "-T data.txt {host}/dav/one.txt",
  "-T data.txt {host}/dav/",
  "-T missing {host}/dav/three.txt",
];

const TLS_COMMANDS: readonly Row[] = [
  "--cacert {ca} {tls}/hello.txt",
  "--cacert {ca} -O {tls}/big.bin",
  "--cacert {ca} -I {tls}/hello.txt",
  "{tls}/hello.txt",
  "-k {tls}/hello.txt",
  "-k -L -i {other}/hello.txt",
  "--cacert {ca} {other}/hello.txt",
  "--cacert {folder}/none.pem {tls}/hello.txt",
  "--cacert {ca} {client}/hello.txt",
  "--cacert {ca} --cert {cert} --key {key} {client}/hello.txt",
  "https://localhost:{port}/hello.txt",
  "{plain}/hello.txt",
];

const PROXY_COMMANDS: readonly Row[] = [
  "-x {proxy} {host}/hello.txt",
  "-x {proxy} -o file {host}/big.bin",
  "-x {proxy} -r 0-9 {host}/big.bin",
  "-x {proxy} -d a=1 {echo}/",
  "-x {proxy} -L {host}/chain",
  "-x {proxy} --cacert {ca} {tls}/hello.txt",
  "-x {proxy} --cacert {ca} {other}/hello.txt",
  "-x {proxy} {closed}/",
  "-x {guarded} -f {host}/hello.txt",
  "-x http://ada:lovelace@{guardedHost} {host}/hello.txt",
  "-x http://ada:lovelace@{guardedHost} --cacert {ca} {tls}/hello.txt",
  "-x {closed} {host}/hello.txt",
  "-x http://none.invalid:1/ {host}/hello.txt",
  "-x {closed} --noproxy localhost,127.0.0.1 {host}/hello.txt",
  "-x {closed} --noproxy * {host}/hello.txt",
];

const ECHO_COMMANDS: readonly Row[] = [
  "{echo}/",
  "-d a=1 {echo}/",
  "-d a=1 -d b=2 {echo}/",
  "-d @data.txt {echo}/",
  ["-d @- {echo}/", "from\nstdin"],
  "--data-binary @data.txt {echo}/",
  "--data-raw @data.txt {echo}/",
  '--json {"a":1} {echo}/',
  "-d a=1 -H Content-Type:_text/plain {echo}/",
  "-G -d a=1 -d b=2 {echo}/?c=3",
  "-G -I -d a=1 {echo}/",
  "-F a=1 -F b=@data.txt {echo}/",
  "-F b=@data.txt;type=text/plain;filename=c.txt -F d=<old.txt {echo}/",
  "-X PUT -d a=1 {echo}/",
  "-XDELETE {echo}/",
  "-H X-Test:_one -H X-Test:_two {echo}/",
  "-H Accept: {echo}/",
  "-H X-Empty; {echo}/",
  "-H Host:_knock.example {echo}/",
  "-A knocker/1 {echo}/",
  "-b a=1;_b=2 {echo}/",
  "-b cookies.txt {echo}/",
  "-b none.txt {echo}/",
  "-c new.jar {echo}/cookies",
  "-b cookies.txt -c new.jar {echo}/cookies",
  "-L -c new.jar {echo}/cookies?redirect",
  "-c new.jar {echo}/cookies -b none {echo}/again",
  "-u ada:lovelace {echo}/",
  "-u ada:lovelace -L {echo}/away",
  "http://ada:love%20lace@{echoHost}/",
  "-sSfLo file {echo}/",
  "-sfd a=1 {echo}/",
  "{echo}/a/../b/./c%20d?e=%zz",
  "{echo}/#fragment",
  "{echoHost}/without-protocol",
];

const FAILURE_COMMANDS: readonly Row[] = [
  "{closed}/",
  "-o file {closed}/",
  "http://none.invalid/",
  "http://127.0.0.1:99999/",
  "http://[::1/",
  "http:///",
  "gopherr://localhost/",
  "--no-such-flag {short}/",
  "-m",
  "-I -d a=1 {short}/",
  "-m 0.3 {silent}/",
  "--connect-timeout 5 -m 0.3 -o file {silent}/",
  "{short}/",
  "{cutChunk}/",
  "{empty}/",
  "{reset}/",
  "{chunked}/",
  "-i {chunked}/",
  "{wrongGzip}/",
  "--compressed {wrongGzip}/",
  "{close}/",
  "-L {badLocation}/",
  "{close}/ {closed}/",
];

const DIFFERENCES: readonly Difference[] = [
  {
    command: "-T - {echo}/",
    codes: [0, 25],
    reason: "stdin is read first, to know its length",
  },
  {
    command: "{junk}/",
    codes: [8, 1],
    reason: "a response without a head is malformed, and not HTTP/0.9",
  },
  {
    command: "-L {twoLocations}/",
    codes: [3, 7],
    reason: "it is unknown which one to follow",
  },
  {
    command: "{cutHead}/",
    codes: [18, 0],
    reason: "a cut head is an error",
  },
  {
    command: "--compressed {cutGzip}/",
    codes: [61, 0],
    reason: "a cut coding is an error",
  },
  {
    command: "-O {echo}/",
    codes: [0, 23],
    reason: "a file without a name is curl_response, as in curl since 8.10",
  },
  {
    command: "-O {echo}/.profile",
    codes: [23, 0],
    reason: "a URL must not name a hidden file",
  },
  {
    command: "{closed}/ {echo}/",
    codes: [7, 0],
    reason: "a success does not hide an earlier failure",
  },
  {
    command: "-C - -o old.txt {echo}/",
    codes: [0, 33],
    reason:
      "without a validator, the file may be another one, so it is fetched anew",
  },
];

/** Servers that break the rules of HTTP. */
async function startOdd() {
  const odd = {
    short: serveRaw(() => ({
      raw: "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n12345",
    })),
    cutChunk: serveRaw(() => ({
      raw: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
    })),
    empty: serveRaw(() => ({ raw: "" })),
    reset: await serveReset("HTTP/1.0 200 OK\r\n\r\nsome"),
    junk: serveRaw(() => ({
      raw: "This is no HTTP at all, but long enough\r\n",
    })),
    silent: serveRaw(() => ({ raw: "", then: "hold" })),
    chunked: serveRaw(() => ({
      raw:
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    })),
    wrongGzip: serveRaw(() => ({
      raw:
        "HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
    })),
    close: serveRaw(() => ({ raw: "HTTP/1.0 200 OK\r\n\r\nto the end" })),
    twoLocations: serveRaw(() => ({
      raw:
        "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    })),
    cutHead: serveRaw(() => ({ raw: "HTTP/1.0 200 OK\r\nContent-Le" })),
    cutGzip: serveRaw(() => ({
      raw: `HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n${CUT_GZIP}`,
    })),
    badLocation: serveRaw(() => ({
      raw:
        "HTTP/1.0 302 Found\r\nLocation: knock://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    })),
  };
  const stack = new AsyncDisposableStack();
  const places: Record<string, string> = {
    closed: `http://127.0.0.1:${closedPort()}`,
  };
  for (const [name, server] of Object.entries(odd)) {
    stack.use(server);
    places[name] = server.url.replace(/\/$/, "");
  }
  return { places, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** "Knock knock.", compressed, without the last ten bytes. */
const CUT_GZIP = latin1(
  (await new Response(
    new Blob(["Knock knock."]).stream().pipeThrough(
      new CompressionStream("gzip"),
    ),
  ).bytes()).slice(0, -10),
);

/** Makes the folder that the servers serve. */
async function makeFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  await Deno.chmod(folder, 0o755); // Apache reads it as another user
  for (const name of ["www", "www/folder", "www/private", "www/dav"]) {
    await Deno.mkdir(`${folder}/${name}`);
  }
  await Deno.chmod(`${folder}/www/dav`, 0o777);
  const big = new Uint8Array(300_000).map((_, index) => (index * 7919) >> 3);
  await Deno.writeTextFile(
    `${folder}/www/hello.txt`,
    "Knock knock.\n".repeat(40),
  );
  await Deno.writeFile(`${folder}/www/big.bin`, big);
  for (const name of ["folder", "private"]) {
    await Deno.writeTextFile(
      `${folder}/www/${name}/index.html`,
      "<p>Who's there?</p>",
    );
  }
  // Apache sends a weak ETag for a file that changed within the last second
  const before = Date.now() / 1000 - 10;
  for (const name of ["hello.txt", "big.bin", "folder/index.html"]) {
    await Deno.utime(`${folder}/www/${name}`, before, before);
  }
  return folder;
}

/** Declares a test of a table of commands. */
function testCommands(
  name: string,
  options: {
    readonly peers: readonly Peer[];
    readonly rows: readonly Row[];
    readonly start: (
      folder: string,
      stack: AsyncDisposableStack,
    ) => Promise<Record<string, string>>;
  },
): void {
  const missing = [CURL, ...options.peers].filter(({ program }) =>
    findProgram(program) === null
  );
  const needs = missing.map((peer) => peer.package).join(", ");
  Deno.test({
    name: `main() gives the same results as curl ${name}` +
      (needs === "" ? "" : ` (skipped: needs the Debian packages ${needs})`),
    ignore: needs !== "",
    async fn(t) {
      const folder = await makeFolder();
      await using stack = new AsyncDisposableStack();
      stack.defer(() => Deno.remove(folder, { recursive: true }));
      const places = await options.start(folder, stack);
      const bench = new Bench(folder, { folder, ...places });
      for (const row of options.rows) {
        const [command, stdin] = typeof row === "string" ? [row] : row;
        await t.step(command, () => bench.compare(command, stdin));
      }
    },
  });
}

const urlOf = (port: number | undefined) => `http://127.0.0.1:${port}`;

testCommands("with files from Python", {
  peers: [PYTHON],
  rows: FILE_COMMANDS,
  async start(folder, stack) {
    const { ports } = stack.use(await startPython(folder));
    return { host: urlOf(ports[0]) };
  },
});

// No ranges here: lighttpd ignores Range in HTTP/1.0 requests. curl then takes
// the whole file as the part and exits with 0, but this client exits with 33
testCommands("with files from lighttpd", {
  peers: [LIGHTTPD],
  rows: FILE_COMMANDS,
  async start(folder, stack) {
    const { ports } = stack.use(await startLighttpd(folder));
    return { host: urlOf(ports[0]) };
  },
});

testCommands("with files from Apache", {
  peers: [APACHE],
  rows: [...FILE_COMMANDS, ...RANGE_COMMANDS, "--compressed {host}/hello.txt"],
  async start(folder, stack) {
    const { ports } = stack.use(await startApache(folder));
    return { host: urlOf(ports[0]) };
  },
});

testCommands("with files from nginx", {
  peers: [NGINX],
  rows: [...FILE_COMMANDS, ...RANGE_COMMANDS, ...NGINX_COMMANDS],
  async start(folder, stack) {
    const { ports } = stack.use(await startNginx(folder, [site(folder)]));
    return {
      host: urlOf(ports[0]),
      port: String(ports[0]),
      socket: `${folder}/nginx.sock`,
    };
  },
});

testCommands("over TLS", {
  peers: [NGINX, OPENSSL],
  rows: TLS_COMMANDS,
  start: startTls,
});

testCommands("through a proxy", {
  peers: [NGINX, OPENSSL, TINYPROXY],
  rows: PROXY_COMMANDS,
  async start(folder, stack) {
    const places = await startTls(folder, stack);
    const { ports } = stack.use(await startTinyproxy(folder));
    const echo = stack.use(startEcho());
    return {
      ...places,
      echo: urlOf(echo.addr.port),
      closed: urlOf(closedPort()),
      proxy: urlOf(ports[0]),
      guarded: urlOf(ports[1]),
      guardedHost: `127.0.0.1:${ports[1]}`,
    };
  },
});

testCommands("in what it sends", {
  peers: [],
  rows: ECHO_COMMANDS,
  start(_folder, stack) {
    const { port } = stack.use(startEcho()).addr;
    return Promise.resolve({
      echo: urlOf(port),
      echoHost: `127.0.0.1:${port}`,
    });
  },
});

testCommands("when it fails", {
  peers: [],
  rows: FAILURE_COMMANDS,
  async start(_folder, stack) {
    return stack.use(await startOdd()).places;
  },
});

Deno.test({
  name: "main() differs from curl only with a reason",
  ignore: findProgram(CURL.program) === null,
  async fn(t) {
    const folder = await makeFolder();
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const { places } = stack.use(await startOdd());
    const echo = urlOf(stack.use(startEcho()).addr.port);
    const bench = new Bench(folder, { ...places, echo });
    for (const { command, codes, reason } of DIFFERENCES) {
      const name = `${command}: ${reason}`;
      await t.step(name, () => bench.contrast(command, codes, "stdin"));
    }
  },
});

/** Returns the configuration of an nginx server for all commands. */
function site(folder: string): string {
  Deno.writeTextFileSync(`${folder}/users`, "ada:{PLAIN}lovelace\n");
  return `listen PORT; listen unix:${folder}/nginx.sock;
    gzip on; gzip_http_version 1.0; gzip_types text/plain; gzip_min_length 1;
    absolute_redirect off;
    location = /r301 { return 301 /hello.txt; }
    location = /chain { return 302 /r301; }
    location = /loop { return 302 /loop; }
    location /private { auth_basic "private"; auth_basic_user_file ${folder}/users; }
    location /dav { dav_methods PUT; }`;
}

/**
 * Starts nginx with three TLS servers: one with a good certificate, one with a
 * certificate for another name, and one that requires a client certificate.
 */
async function startTls(
  folder: string,
  stack: AsyncDisposableStack,
): Promise<Record<string, string>> {
  await makeCertificates(folder);
  const tls = (name: string) =>
    `listen PORT ssl; ssl_certificate ${folder}/${name}.pem; ssl_certificate_key ${folder}/${name}.key;`;
  const { ports } = stack.use(
    await startNginx(folder, [
      site(folder),
      tls("leaf"),
      tls("other"),
      `${
        tls("leaf")
      } ssl_client_certificate ${folder}/ca.pem; ssl_verify_client on;`,
    ]),
  );
  return {
    host: urlOf(ports[0]),
    port: String(ports[0]),
    tls: `https://localhost:${ports[1]}`,
    plain: `http://localhost:${ports[1]}`,
    other: `https://localhost:${ports[2]}`,
    client: `https://localhost:${ports[3]}`,
    ca: `${folder}/ca.pem`,
    cert: `${folder}/client.pem`,
    key: `${folder}/client.key`,
  };
}
