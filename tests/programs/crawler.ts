// Visits up to 200 pages of a site, eight at a time, and reports broken ones:
// deno run --allow-net crawler.ts http://127.0.0.1:8000/
import { Client, parseUrl } from "@knock/http";

const start = parseUrl(Deno.args[0] ?? "http://127.0.0.1:8000/");
const pages = new Set([start.href]);
await using client = new Client({ timeout: 10_000, maxBodyBytes: 1_000_000 });

async function visit(page: string): Promise<void> {
  await using response = await client.get(page);
  if (!response.ok) throw new Error(`${response.status} ${page}`);
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("text/html")) return;
  const html = await response.text();
  for (const [, link] of html.matchAll(/href="((?:https?:)?[^":]+)"/g)) {
    const url = parseUrl(link!, response.url).with({ fragment: null });
    if (url.host === start.host && pages.size < 200) pages.add(url.href);
  }
}

for (let done = 0; done < pages.size;) {
  const next = [...pages].slice(done, done + 8);
  done += next.length;
  const visits = await Promise.allSettled(next.map(visit));
  for (const { reason } of visits.filter((one) => one.status === "rejected")) {
    console.log(reason.message);
  }
}
console.log(`${pages.size} pages`);
