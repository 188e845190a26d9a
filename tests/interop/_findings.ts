// Sends every server the same requests: for a redirect, a part of a file, a
// compressed file, a second response on the same connection, an error, a HEAD.

import { assertEquals } from "@std/assert";
import { Client } from "../../client/mod.ts";

/** The content of `/text.txt`. */
export const TEXT = "Knock knock.\n".repeat(1_000);

/** What a server does, as its responses show. */
export interface Findings {
  /** The status and the target of `/folder`. */
  readonly redirect: string;
  /** The status for a range of five bytes. */
  readonly range: 200 | 206;
  /** The coding of a text for a client that accepts gzip. */
  readonly coding: "gzip" | null;
  /** How a text ends for a client that accepts no coding. */
  readonly end: "length" | "close" | "chunked";
  /** Whether a second request goes over the same connection. */
  readonly reused: boolean;
}

/** Sends the requests; asserts what every server has to do. */
export async function ask(url: string): Promise<Findings> {
  let uses = 1;
  await using client = new Client({
    decode: true,
    trace: (event) => {
      if (event.type === "reused") uses = Math.max(uses, event.uses);
    },
  });
  const folder = await client.get(`${url}/folder`);
  assertEquals(await folder.text(), "<p>Who's there?\n");
  const [hop] = folder.hops;
  const coded = await client.get(`${url}/text.txt`);
  assertEquals(await coded.text(), TEXT);
  const headers = { Range: "bytes=0-4" };
  const part = await client.get(`${url}/text.txt`, { headers });
  assertEquals(await part.text(), part.status === 206 ? "Knock" : TEXT);
  const plain = await client.get(`${url}/text.txt`, { decode: false });
  assertEquals(await plain.text(), TEXT);
  const missing = await client.get(`${url}/none`);
  assertEquals([missing.status, missing.ok], [404, false]);
  await missing.text();
  const head = await client.head(`${url}/text.txt`);
  assertEquals([head.status, await head.text()], [200, ""]);
  return {
    redirect: `${hop?.status} ${folder.url.slice(url.length)}`,
    range: part.status as 200 | 206,
    coding: coded.headers.get("Content-Encoding") as "gzip" | null,
    end: plain.end as Findings["end"],
    reused: uses > 1,
  };
}

/** Makes a folder whose subfolder `www` is to be served. */
export async function makeFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "interop-" });
  await Deno.chmod(folder, 0o755); // Apache reads it as another user
  await Deno.mkdir(`${folder}/www/folder`, { recursive: true });
  await Deno.writeTextFile(`${folder}/www/text.txt`, TEXT);
  await Deno.writeTextFile(
    `${folder}/www/folder/index.html`,
    "<p>Who's there?\n",
  );
  return folder;
}
