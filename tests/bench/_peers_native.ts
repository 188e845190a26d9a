// Servers from packages of the system: lighttpd, nginx, h2o, and Python's.

import type { Finder } from "./_peers.ts";
import { run, versionOf } from "./_process.ts";

/**
 * lighttpd with its defaults, except for limits that the load would reach. It
 * checks each file again after a second.
 */
export const lighttpd: Finder = async ({ scratch }) => {
  const name = "lighttpd";
  const line = await versionOf(["lighttpd", "-v"]);
  if (line === null) return { name, reason: "not installed (lighttpd)" };
  return {
    name,
    version: line.split(" ")[0]!.replace("/", " "),
    command(folder, port) {
      const path = `${scratch}/lighttpd.${port}.conf`;
      Deno.writeTextFileSync(path, lighttpdConfig(folder, port));
      return ["lighttpd", "-D", "-f", path];
    },
  };
};

function lighttpdConfig(folder: string, port: number): string {
  return `server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = ${port}
server.max-fds = 20000
server.max-connections = 10000
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 60
server.stat-cache-engine = "simple"
mimetype.assign = ( ".txt" => "text/plain", ".bin" => "application/octet-stream" )
`;
}

/** nginx with one worker, and all settings that make file serving fast. */
export const nginx: Finder = async ({ scratch }) => {
  const name = "nginx";
  const line = await versionOf(["nginx", "-v"]);
  if (line === null) return { name, reason: "not installed (nginx-light)" };
  return {
    name,
    version: line.replace("nginx version: nginx/", "nginx "),
    command(folder, port) {
      const prefix = `${scratch}/nginx.${port}`;
      Deno.mkdirSync(prefix);
      const path = `${prefix}/nginx.conf`;
      Deno.writeTextFileSync(path, nginxConfig(folder, port, prefix));
      return ["nginx", "-e", "stderr", "-p", prefix, "-c", path];
    },
  };
};

function nginxConfig(folder: string, port: number, prefix: string): string {
  return `daemon off;
worker_processes 1;
pid ${prefix}/pid;
error_log stderr crit;
${Deno.uid() === 0 ? "user root;" : ""}
events { worker_connections 12000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 60s;
  keepalive_requests 1000000;
  open_file_cache max=10000 inactive=60s;
  types { text/plain txt; application/octet-stream bin; }
  client_body_temp_path ${prefix};
  proxy_temp_path ${prefix};
  fastcgi_temp_path ${prefix};
  uwsgi_temp_path ${prefix};
  scgi_temp_path ${prefix};
  server { listen 127.0.0.1:${port} backlog=4096; root ${folder}; }
}
`;
}

/** h2o with one thread. */
export const h2o: Finder = async ({ scratch }) => {
  const name = "h2o";
  const line = await versionOf(["h2o", "--version"]);
  if (line === null) return { name, reason: "not installed (h2o)" };
  return {
    name,
    version: line.replace("h2o version ", "h2o "),
    command(folder, port) {
      const path = `${scratch}/h2o.${port}.conf`;
      Deno.writeTextFileSync(path, h2oConfig(folder, port));
      return ["h2o", "-m", "worker", "-c", path];
    },
  };
};

function h2oConfig(folder: string, port: number): string {
  return `num-threads: 1
max-connections: 12000
${Deno.uid() === 0 ? "user: root" : ""}
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: ${port}
    paths:
      "/":
        file.dir: "${folder}"
`;
}

/** Python's server with its defaults. */
export const python: Finder = async () => {
  const name = "http.server";
  const version = await versionOf(["python3", "-V"]);
  if (version === null) return { name, reason: "not installed (python3)" };
  // The interpreter itself, because a wrapper would be measured, too
  const script = "import sys; print(sys.executable)";
  const program = (await run(["python3", "-c", script])).trim();
  return {
    name,
    version: `${version} http.server`,
    command: (folder, port) => [
      ...[program, "-m", "http.server", String(port)],
      ...["--bind", "127.0.0.1", "--directory", folder],
    ],
  };
};
