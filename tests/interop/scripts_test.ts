// Command lines from READMEs, install scripts and CI, with local hosts. The
// exit code, stdout and the files must be the same as with curl -0.

import { serve, webHandler } from "../../server/mod.ts";
import { Bench } from "./_bench.ts";
import { startEcho } from "./_echo.ts";
import { CURL, findProgram } from "./_servers.ts";

/** Purposes and commands: `{...}` is replaced, and `'...'` is one word. */
const COMMANDS: readonly (readonly [does: string, command: string])[] = [
  [
    "installs a toolchain over TLS only",
    "--proto '=https' --tlsv1.2 -sSf --cacert {ca} {tls}/install.sh",
  ],
  [
    "refuses the same over http",
    "--proto '=https' --tlsv1.2 -sSf {site}/install.sh",
  ],
  ["pipes a version manager into a shell", "-o- {site}/v0.40.1/install.sh"],
  ["pipes a package manager into a shell", "-fsSL {site}/latest/install.sh"],
  ["saves a script before it runs", "-fsSL {site}/install.sh -o get-tool.sh"],
  ["saves a bootstrap script", "-sSL {site}/get-pip.py -o get-pip.py"],
  [
    "fetches a release behind a redirect",
    "--fail --silent --show-error --location --output tool.tar.gz {site}/latest/tool.tar.gz",
  ],
  ["fetches it under its own name", "-LO {site}/releases/tool-1.2.3.tar.gz"],
  ["fetches it under the server's name", "-OJL {site}/attachment?id=3"],
  [
    "fetches two files into a folder",
    "--output-dir . --remote-name-all {site}/a.txt {site}/b.txt",
  ],
  ["fetches a list of files", "-fsS '{site}/part-[1-3].txt' -o 'part-#1.txt'"],
  ["does not run an error page as a script", "-fsSL {site}/missing/install.sh"],
  ["checks the health of a container", "-f {site}/health"],
  ["probes in CI", "-s -o /dev/null -w '%{http_code}' {site}/health"],
  [
    "probes a missing page",
    "-s -o /dev/null -w '%{http_code}\\n' {site}/missing",
  ],
  [
    "waits for a service",
    "-fsS --retry 3 --retry-delay 1 --retry-connrefused --retry-all-errors {site}/health",
  ],
  [
    "limits all times",
    "--connect-timeout 5 --max-time 10 --retry 5 --retry-delay 0 --retry-max-time 40 {site}/health",
  ],
  [
    "finds the URL of a release",
    "-sI -o /dev/null -w '%{redirect_url}' {site}/latest/tool.tar.gz",
  ],
  [
    "follows to the last URL",
    "-sL -o /dev/null -w '%{url_effective} %{num_redirects}' {site}/latest/tool.tar.gz",
  ],
  ["shows the head only", "-s -D - -o /dev/null {site}/install.sh"],
  [
    "downloads only what has changed",
    "-s --etag-compare tag --etag-save tag -o file {site}/tagged",
  ],
  ["downloads only what is newer", "-s -z old.txt -o old.txt {site}/dated"],
  ["keeps the body of an error", "--fail-with-body {site}/missing"],
  [
    "streams from a language model",
    "-N {echo}/v1/chat -H 'Content-Type: application/json' -H 'Authorization: Bearer key' -d '{\"stream\": true, \"messages\": []}'",
  ],
  [
    "opens an issue",
    "-L -X POST -H 'Accept: application/json' -H 'Authorization: Bearer key' -H 'X-Api-Version: 2022-11-28' {echo}/repos/a/b/issues -d '{\"title\": \"It knocks\"}'",
  ],
  ["calls a webhook", '--json \'{"text": "deployed"}\' {echo}/hook'],
  [
    "posts to a chat",
    "-X POST -H 'Content-type: application/json' --data '{\"text\":\"Hi\"}' {echo}/services/T0",
  ],
  [
    "uploads to a signed URL",
    "-X PUT -T data.txt -H 'Content-Type: text/plain' '{echo}/bucket/key?signature=a%2Fb'",
  ],
  ["publishes to a registry", "-u ada:lovelace -T data.txt {echo}/repository/"],
  [
    "signs in with a form",
    "-c new.jar -d user=ada --data-urlencode 'password=a b&c' {echo}/login",
  ],
  ["searches", "-G --data-urlencode 'q=who is there' -d page=2 {echo}/search"],
  [
    "queries a search engine",
    "-XGET {echo}/_search?pretty -H 'Content-Type: application/json' -d'{\"query\":{}}'",
  ],
  [
    "reads a secret",
    "--header 'X-Vault-Token: t' --request LIST {echo}/v1/secret",
  ],
  [
    "triggers a pipeline",
    "--request POST --form token=t --form ref=main --form 'variables[A]=b' {echo}/trigger",
  ],
  [
    "sends a file to a bot",
    "-F chat_id=1 -F 'document=@data.txt;type=text/plain' {echo}/sendDocument",
  ],
  [
    "queries an API server",
    "--cacert {ca} -H 'Authorization: Bearer t' {tls}/api/v1/pods",
  ],
  ["signs in with a token", "--oauth2-bearer t {echo}/user"],
  ["sends a referer", "-e {echo}/from -A Mozilla/5.0 -b seen=1 {echo}/page"],
];

/** A site with scripts and releases. */
function respond(request: Request): Response {
  const { pathname: path } = new URL(request.url);
  const text = `#!/bin/sh\necho ${path}\n`;
  const headers = new Headers({ "Content-Type": "text/plain" });
  if (path.includes("missing")) return new Response("no\n", { status: 404 });
  if (path.startsWith("/latest/")) {
    headers.set("Location", path.replace("/latest/", "/releases/1.2.3-"));
    return new Response(null, { status: 302, headers });
  }
  if (path === "/attachment") {
    headers.set("Content-Disposition", 'attachment; filename="tool.zip"');
  }
  if (path === "/tagged") headers.set("ETag", '"1"');
  if (path === "/dated" && request.headers.has("If-Modified-Since")) {
    return new Response(null, { status: 304 });
  }
  return new Response(text, { headers });
}

const isMissing = findProgram(CURL.program) === null;

Deno.test({
  name: "main() gives the same results as curl for commands from scripts" +
    (isMissing ? ` (skipped: needs ${CURL.package})` : ""),
  ignore: isMissing || Deno.build.os !== "linux",
  async fn(t) {
    const tls = new URL("../fixtures/tls/", import.meta.url);
    const read = (name: string) => Deno.readTextFileSync(new URL(name, tls));
    const [cert, key] = [read("localhost.pem"), read("localhost.key")];
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    await using echo = startEcho();
    await using site = Deno.serve(options, respond);
    // Deno.serve refuses TLS with a client that offers HTTP/1.0 (ALPN)
    await using secure = serve(webHandler(respond), { port: 0, cert, key });
    const folder = await Deno.makeTempDir({ prefix: "interop-" });
    const bench = new Bench(folder, {
      echo: `http://127.0.0.1:${echo.addr.port}`,
      site: `http://127.0.0.1:${site.addr.port}`,
      tls: `https://localhost:${(secure.addr as Deno.NetAddr).port}`,
      ca: new URL("ca.pem", tls).pathname,
    });
    for (const [does, command] of COMMANDS) {
      await t.step(`${does}: ${command}`, async () => {
        const words = [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)]
          .map(([word]) => word.replaceAll("'", ""));
        await bench.compare(words);
      });
    }
    await Deno.remove(folder, { recursive: true });
  },
});
