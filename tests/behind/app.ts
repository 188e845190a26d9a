// An app behind a proxy: it serves files, and sends back the body of a POST to
// "/echo":
// deno run --allow-net --allow-read app.ts DIR PORT

import { serve, serveDir } from "../../server/mod.ts";

const [root = ".", port = "8001"] = Deno.args;
const files = serveDir(root);

const server = serve(async (request) => {
  if (request.path !== "/echo" || request.method !== "POST") {
    return files(request);
  }
  const { remoteAddr } = request;
  const peer = "port" in remoteAddr ? `${remoteAddr.port}` : "-";
  return {
    status: 200,
    headers: { "X-Peer": peer }, // for the tests: which connection
    body: await request.bytes(),
  };
}, {
  port: Number(port),
  headers: { "X-Instance": port }, // for the tests: which instance
  limits: { maxBodyBytes: 100_000_000 },
});

// Running responses finish, while proxies use the other instances
Deno.addSignalListener("SIGTERM", () => void server.shutdown());
await server.finished;
Deno.exit(0);
