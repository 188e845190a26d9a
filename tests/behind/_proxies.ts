// Starts nginx, HAProxy and Caddy with the configurations in this folder, after
// replacing ports and paths in them.

import {
  CADDY,
  findProgram,
  freePorts,
  HAPROXY,
  NGINX,
  type Peer,
  startPeer,
} from "../interop/_servers.ts";
import { type Instance, startTwo } from "./_instances.ts";

const TLS = new URL("../fixtures/tls/", import.meta.url).pathname;

/** A running proxy. */
export interface RunningProxy {
  readonly url: string;
  readonly tlsUrl: string;
  /** Its configuration, with the ports replaced. */
  readonly path: string;
}

/** Takes an instance out of the rotation, or puts it back. */
type Step = (running: RunningProxy, instance: Instance) => Promise<void>;

/** A reverse proxy. */
export interface Proxy {
  readonly name: string;
  readonly peer: Peer;
  /** The configuration, a file in this folder. */
  readonly config: string;
  /** The arguments to run it in the foreground with a configuration. */
  readonly args: (path: string) => readonly string[];
  /** Whether it reuses connections to instances. */
  readonly keepsConnections: boolean;
  /** Whether it requests a health file of each instance regularly. */
  readonly checksHealth: boolean;
  /** What to do before an instance is stopped; null for nothing. */
  readonly takeOut: Step | null;
  readonly putBack: Step | null;
}

const HEALTH = "health.txt";

const PROXIES: readonly Proxy[] = [
  {
    name: "nginx",
    peer: NGINX,
    config: "nginx.conf",
    args: (path) => ["-c", `${path}.main`],
    keepsConnections: false,
    checksHealth: false,
    takeOut: (running, { port }) =>
      reloadNginx(running, `:${port} `, `:${port} down `),
    putBack: (running, { port }) =>
      reloadNginx(running, `:${port} down `, `:${port} `),
  },
  {
    name: "HAProxy",
    peer: HAPROXY,
    config: "haproxy.cfg",
    args: (path) => ["-db", "-q", "-f", path],
    keepsConnections: true,
    checksHealth: true,
    takeOut: null,
    putBack: null,
  },
  {
    name: "Caddy",
    peer: CADDY,
    config: "Caddyfile",
    args: (path) => ["run", "--adapter", "caddyfile", "--config", path],
    keepsConnections: true,
    checksHealth: true,
    takeOut: (_, { folder }) => Deno.remove(`${folder}/${HEALTH}`),
    putBack: (_, { folder }) => Deno.writeTextFile(`${folder}/${HEALTH}`, "ok"),
  },
];

async function reloadNginx(
  { path }: RunningProxy,
  from: string,
  to: string,
): Promise<void> {
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace(from, to));
  Deno.kill(Number(await Deno.readTextFile(`${path}.pid`)), "SIGHUP");
}

/** What a test works with. */
export interface Scene {
  readonly proxy: Proxy;
  readonly running: RunningProxy;
  readonly instances: readonly [Instance, Instance];
}

/**
 * Declares a test for each proxy with two instances.
 *
 * @param name What a proxy does.
 * @param options The arguments of the command, or null for the app; for which
 *   proxies the test is; and the test.
 */
export function testBehind(
  name: string,
  options: {
    readonly args: readonly string[] | null;
    readonly isFor?: (proxy: Proxy) => boolean;
    readonly fn: (scene: Scene) => Promise<void>;
  },
): void {
  for (const proxy of PROXIES.filter(options.isFor ?? (() => true))) {
    const isMissing = findProgram(proxy.peer.program) === null;
    Deno.test({
      name: `${proxy.name} ${name}` +
        (isMissing ? ` (skipped: needs ${proxy.peer.package})` : ""),
      ignore: isMissing,
      async fn() {
        const folder = await Deno.makeTempDir({ prefix: "behind-" });
        await using stack = new AsyncDisposableStack();
        stack.defer(() => Deno.remove(folder, { recursive: true }));
        const instances = await startTwo(folder, options.args);
        for (const instance of instances) stack.use(instance);
        const running = await startProxy(proxy, instances, stack);
        await options.fn({ proxy, running, instances });
      },
    });
  }
}

async function startProxy(
  { peer, config, args }: Proxy,
  [one, two]: readonly [Instance, Instance],
  stack: AsyncDisposableStack,
): Promise<RunningProxy> {
  const ports = freePorts(2);
  const folder = await Deno.makeTempDir({ prefix: "proxy-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const path = `${folder}/${config}`;
  const replacements: readonly (readonly [string, string])[] = [
    [":8001", `:${one.port}`],
    [":8002", `:${two.port}`],
    [":8080", `:${ports[0]}`],
    [":8443", `:${ports[1]}`],
    ["/etc/ssl/knock-both.pem", `${folder}/both.pem`],
    ["/etc/ssl/knock.pem", `${TLS}localhost.pem`],
    ["/etc/ssl/knock.key", `${TLS}localhost.key`],
    ["/var/cache/nginx/knock", `${folder}/cache`],
  ];
  const text = replacements.reduce(
    (all, [from, to]) => all.replaceAll(from, to),
    await Deno.readTextFile(new URL(config, import.meta.url)),
  );
  const pems = ["localhost.pem", "localhost.key"].map((name) =>
    Deno.readTextFileSync(`${TLS}${name}`)
  );
  await Deno.writeTextFile(path, text);
  await Deno.writeTextFile(`${folder}/both.pem`, pems.join(""));
  await Deno.writeTextFile(`${path}.main`, aroundSite(folder, path));
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  stack.use(
    await startPeer(peer, { args: args(path), ports, cwd: folder, env }),
  );
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    tlsUrl: `https://localhost:${ports[1]}`,
    path,
  };
}

/** Returns the main configuration of nginx, which includes that of a site. */
function aroundSite(folder: string, path: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  return `daemon off; user root; worker_processes 1; pid ${path}.pid; error_log stderr;
events { worker_connections 1024; }
http { access_log off; ${temporary} include ${path}; }`;
}
