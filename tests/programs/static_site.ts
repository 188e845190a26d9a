// A site with its own page for missing files (404.html in its root) and a
// header on each response: deno run -R --allow-net static_site.ts 8000 site
import { serve, serveDir, withHeaders } from "@knock/http";

const [port = "8000", root = "."] = Deno.args;
const site = withHeaders(serveDir(root), {
  "Content-Security-Policy": "default-src 'self'",
});
console.log(serve(site, { port: Number(port) }).url);
