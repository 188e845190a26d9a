// Starts other servers and proxies, each with files in its own folder, never as
// a service of the machine.

/** A program that a test needs, and its package. */
export interface Peer {
  /** The name of the program. */
  readonly program: string;
  /** The Debian package that has it. */
  readonly package: string;
}

/** A running server. */
export interface RunningPeer extends AsyncDisposable {
  /** Its ports, in the order of the configuration. */
  readonly ports: readonly number[];
}

const PATHS = ["/usr/sbin", "/usr/bin", "/bin", "/usr/local/bin"];
const START_TIMEOUT_MS = 10_000;

/** Finds a program; null if it is not installed. */
export function findProgram(program: string): string | null {
  for (const folder of PATHS) {
    try {
      if (Deno.statSync(`${folder}/${program}`).isFile) {
        return `${folder}/${program}`;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/** Finds ports on which nothing listens. */
export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/**
 * Starts a program, and waits until it listens on its ports.
 *
 * @param peer The program.
 * @param options Its arguments, and the ports that it will listen on.
 */
export async function startPeer(
  peer: Peer,
  options: {
    readonly args: readonly string[];
    readonly ports: readonly number[];
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<RunningPeer> {
  const child = new Deno.Command(findProgram(peer.program)!, {
    args: [...options.args],
    cwd: options.cwd,
    env: { ...options.env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
    return await errors;
  };
  for (const port of options.ports) {
    if (await listens(port)) continue;
    throw new Error(`${peer.program} does not listen: ${await stop()}`);
  }
  return {
    ports: options.ports,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function listens(port: number): Promise<boolean> {
  const until = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < until) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resume) => setTimeout(resume, 20));
    }
  }
  return false;
}

export const NGINX: Peer = { program: "nginx", package: "nginx-light" };
export const LIGHTTPD: Peer = { program: "lighttpd", package: "lighttpd" };
export const APACHE: Peer = { program: "apache2", package: "apache2-bin" };
export const PYTHON: Peer = { program: "python3", package: "python3" };
export const TINYPROXY: Peer = {
  program: "tinyproxy",
  package: "tinyproxy-bin",
};
export const HAPROXY: Peer = { program: "haproxy", package: "haproxy" };
export const CADDY: Peer = { program: "caddy", package: "caddy" };
export const CURL: Peer = { program: "curl", package: "curl" };
export const OPENSSL: Peer = { program: "openssl", package: "openssl" };

/** Starts nginx with a server for each text, in which PORT is replaced. */
export async function startNginx(
  folder: string,
  servers: readonly string[],
): Promise<RunningPeer> {
  const ports = freePorts(servers.length);
  const blocks = servers.map((text, index) =>
    `server { root ${folder}/www; ${
      text.replaceAll("PORT", `127.0.0.1:${ports[index]}`)
    } }`
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
events {}
http {
  types { text/html html; text/plain txt; application/json json; }
  default_type application/octet-stream;
  access_log off; ${temporary}
  ${blocks.join("\n  ")}
}`,
  );
  const args = ["-p", folder, "-c", `${folder}/nginx.conf`];
  return await startPeer(NGINX, { args, ports, cwd: folder });
}

/** Starts lighttpd. */
export async function startLighttpd(folder: string): Promise<RunningPeer> {
  const ports = freePorts(1);
  await Deno.writeTextFile(
    `${folder}/lighttpd.conf`,
    `server.document-root = "${folder}/www"
server.bind = "127.0.0.1"
server.port = ${ports[0]}
index-file.names = ("index.html")
mimetype.assign = (".html" => "text/html", ".txt" => "text/plain")`,
  );
  const args = ["-D", "-f", `${folder}/lighttpd.conf`];
  return await startPeer(LIGHTTPD, { args, ports, cwd: folder });
}

/** Starts Apache with the modules that its configuration needs. */
export async function startApache(folder: string): Promise<RunningPeer> {
  const ports = freePorts(1);
  const modules = [
    "mpm_event",
    "authz_core",
    "mime",
    "dir",
    "filter",
    "deflate",
  ]
    .map((name) =>
      `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`
    );
  await Deno.writeTextFile(
    `${folder}/apache.conf`,
    `${modules.join("\n")}
ServerName localhost
Listen 127.0.0.1:${ports[0]}
PidFile ${folder}/apache.pid
ErrorLog /dev/stderr
DocumentRoot ${folder}/www
TypesConfig /dev/null
AddType text/plain .txt
AddType text/html .html
AddOutputFilterByType DEFLATE text/plain
User nobody
Group nogroup
<Directory ${folder}/www>
  Require all granted
</Directory>`,
  );
  const args = ["-d", folder, "-f", `${folder}/apache.conf`, "-DFOREGROUND"];
  return await startPeer(APACHE, { args, ports, cwd: folder });
}

/** Starts the server of Python's standard library. */
export async function startPython(folder: string): Promise<RunningPeer> {
  const ports = freePorts(1);
  const args = ["-m", "http.server", `${ports[0]}`, "--bind", "127.0.0.1"];
  return await startPeer(PYTHON, { args, ports, cwd: `${folder}/www` });
}

/** Starts two forward proxies, one of which requires `ada:lovelace`. */
export async function startTinyproxy(folder: string): Promise<RunningPeer> {
  const ports = freePorts(2);
  const peers: RunningPeer[] = [];
  for (const [index, port] of ports.entries()) {
    const auth = index === 1 ? "BasicAuth ada lovelace" : "";
    const path = `${folder}/tinyproxy-${index}.conf`;
    await Deno.writeTextFile(
      path,
      `Port ${port}\nListen 127.0.0.1\nMaxClients 20\nAllow 127.0.0.1\nTimeout 30\n${auth}\n`,
    );
    const args = ["-d", "-c", path];
    peers.push(
      await startPeer(TINYPROXY, { args, ports: [port], cwd: folder }),
    );
  }
  return {
    ports,
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },
  };
}
