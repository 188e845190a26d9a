// Servers whose handler returns a small text: handler.ts PORT
// knock|knock-web|deno

import { serve } from "../../../server/mod.ts";

const TEXT = "Who's there?";
const [portText = "0", kind = "knock"] = Deno.args;
const listen = { port: Number(portText), hostname: "127.0.0.1" };

if (kind === "knock") serve(() => ({ status: 200, body: TEXT }), listen);
else if (kind === "knock-web") serve(() => new Response(TEXT), listen);
else Deno.serve({ ...listen, onListen() {} }, () => new Response(TEXT));
