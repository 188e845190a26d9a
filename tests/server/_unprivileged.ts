// Serves a directory as a user who cannot read everything: `nobody` if root
// runs the tests. Prints the port.

import process from "node:process";
import { serve, serveDir } from "../../server/mod.ts";

if (Deno.uid() === 0) process.setuid?.(65_534);
serve(serveDir(Deno.args[0]!), {
  port: 0,
  onListen: (addr) => console.log((addr as Deno.NetAddr).port),
});
