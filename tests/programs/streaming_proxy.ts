// Forwards each request to another server, and streams its response back:
// deno run --allow-net streaming_proxy.ts 8000 http://127.0.0.1:9000
import { Client, serve } from "@knock/http";

const [port = "8000", upstream = "http://127.0.0.1:9000"] = Deno.args;
const client = new Client({ redirect: "manual" });
const { url } = serve(({ method, target, headers, body, signal }) => {
  const options = { method, headers, signal, ...body && { body } };
  return client.request(upstream + target, options)
    .catch(({ message }) => ({ status: 502, body: `${message}\n` }));
}, { port: Number(port), limits: { maxBodyBytes: Infinity } });
console.log(url);
