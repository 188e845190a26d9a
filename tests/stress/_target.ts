// The server under stress, in its own process: _target.ts DIR LIMITS (as JSON)

import {
  type Handler,
  serve,
  serveDir,
  type ServerLimits,
} from "../../server/mod.ts";

const [root = ".", limits = "{}"] = Deno.args;
const files = serveDir(root);

/** Reads the body of a POST, so that a slow body has an effect. */
const handler: Handler = async (request) =>
  request.method === "POST"
    ? { status: 200, body: await request.bytes() }
    : await files(request);

serve(handler, {
  port: 0,
  limits: JSON.parse(limits) as ServerLimits,
  onListen: (addr) => console.log((addr as Deno.NetAddr).port),
});
