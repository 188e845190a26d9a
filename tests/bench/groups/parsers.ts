// (9) The parsers, compared with others in this process, in turn.

import type { Group } from "../_lab.ts";
import {
  type Contestant,
  type Figure,
  type Missing,
  OURS,
  type Section,
} from "../_measure.ts";
import { RequestHeadParser } from "../../../message/mod.ts";
import { parseUrl } from "../../../url/mod.ts";
import { loadHttpParser } from "./_http_parser.ts";

const USUAL_URLS = [
  "http://localhost:8000/",
  "https://example.com/",
  "https://example.com/a/path/to/a/file.html",
  "https://www.example.org/search?q=knock+knock&page=2",
  "http://192.0.2.1:8080/index.html",
  "https://example.com/%E2%82%AC/caf%C3%A9.txt?lang=fr#top",
];
const UNUSUAL_URLS = [
  "http://example.com",
  "HTTP://EXAMPLE.COM:80/a/../b",
  "http://[2001:db8::1]:8080/x?y#z",
  "http://example.com/my file?q=\u00fc",
];
/** Only the platform has the tables for these, so parseUrl() asks it. */
const INTERNATIONAL_URLS = [
  "http://b\u00fccher.example/",
  "https://www.\u65e5\u672c\u8a9e.example/a?b#c",
];
const HEADS = [
  "GET /small.txt HTTP/1.0\r\nHost: localhost:8000\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
  "GET /pages/index.html?lang=en HTTP/1.1\r\nHost: www.example.com\r\n" +
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
  "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nDNT: 1\r\n" +
  "Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n" +
  "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n\r\n",
].map((text) => new TextEncoder().encode(text));

const FIGURES: readonly Figure[] = [
  { key: "rate", title: "per second", better: "more", digits: 0 },
  { key: "time", title: "µs each", better: "less", digits: 3 },
];
const LOOP_MS = 300;
const MIN_ROUNDS = 7;

/** Measures URLs and request heads. */
export const parsers: Group = {
  number: 9,
  title: "Parsers",
  async run(lab) {
    const rounds = Math.max(MIN_ROUNDS, lab.options.rounds);
    await lab.compare({
      ...urlSection(USUAL_URLS),
      title: "Parse a typical URL",
      targets: [{ key: "rate", peer: "new URL", ratio: 2 }],
    }, rounds);
    await lab.compare({
      ...urlSection(UNUSUAL_URLS),
      title: "Parse a URL that must be normalized",
      targets: [{ key: "rate", peer: "new URL", ratio: 1.3 }],
    }, rounds);
    await lab.compare({
      ...urlSection(INTERNATIONAL_URLS),
      title: "Parse a URL with a domain beyond ASCII",
    }, rounds);
    const parser = new RequestHeadParser();
    const peer = await loadHttpParser();
    const missing: Missing[] = "reason" in peer ? [peer] : [];
    await lab.compare({
      title: `Parse a request head (${HEADS.length} kinds), and look up Host`,
      figures: FIGURES,
      contestants: [
        loop(OURS, HEADS, (head) => {
          const { target, headers } = parser.parse(head)!;
          return target.length + headers.get("host")!.length;
        }),
        ...("reason" in peer
          ? []
          : [loop("http-parser-js", HEADS.map(peer.prepare), peer.parse)]),
      ],
      missing,
      targets: [{ key: "rate", peer: "http-parser-js", ratio: 3 }],
    }, rounds);
  },
};

function urlSection(
  urls: readonly string[],
): Pick<Section, "figures" | "contestants"> {
  return {
    figures: FIGURES,
    contestants: [
      loop(OURS, urls, (url) => parseUrl(url).path.length),
      loop("new URL", urls, (url) => new URL(url).pathname.length),
    ],
  };
}

/**
 * Parses all inputs again and again for a while. The sum keeps the compiler
 * from leaving out the work.
 */
function loop<T>(
  name: string,
  inputs: readonly T[],
  parse: (input: T) => number,
): Contestant {
  let sum = 0;
  return {
    name,
    measure() {
      let count = 0;
      const started = performance.now();
      let elapsed = 0;
      while (elapsed < LOOP_MS) {
        for (let i = 0; i < 200; i++) {
          for (const input of inputs) sum += parse(input);
        }
        count += 200 * inputs.length;
        elapsed = performance.now() - started;
      }
      if (sum <= 0) throw new Error("Nothing was parsed");
      return Promise.resolve({
        rate: count / elapsed * 1000,
        time: elapsed / count * 1000,
      });
    },
  };
}
