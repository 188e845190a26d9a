// An API in Hono, and files beside it:
// deno run -R --allow-net hono_beside_files.ts 8000 site
import { serve, serveDir, webHandler } from "@knock/http";
import { Hono } from "npm:hono@^4.13.19";

const [port = "8000", root = "."] = Deno.args;
const app = new Hono().basePath("/api");
app.get(
  "/hello/:name",
  (context) => context.json({ hello: context.req.param("name") }),
);
app.post("/echo", async (context) => context.body(await context.req.text()));

const api = webHandler(app.fetch);
const files = serveDir(root);
const { url } = serve(
  (request) => (request.path.startsWith("/api/") ? api : files)(request),
  { port: Number(port) },
);
console.log(url);
