// The server under stress, in a process of its own: _target.ts DIR LIMITS (as JSON)

import { serve, serveDir, type ServerLimits } from "../../server/mod.ts";

const [root = ".", limits = "{}"] = Deno.args;
serve(serveDir(root), {
  port: 0,
  limits: JSON.parse(limits) as ServerLimits,
  onListen: (addr) => console.log((addr as Deno.NetAddr).port),
});
