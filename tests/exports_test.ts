// The names that each entry point gives out, all of them and no others: what is
// added here is promised to users.

import { assertEquals } from "@std/assert";
import * as client from "../client/mod.ts";
import * as message from "../message/mod.ts";
import * as all from "../mod.ts";
import * as server from "../server/mod.ts";
import * as url from "../url/mod.ts";

const NAMES = {
  url: [
    "Url",
    "UrlError",
    "defaultPort",
    "drawUrlError",
    "parseHost",
    "parseUrl",
    "percentDecode",
  ],
  message: [
    "ChunkedDecoder",
    "HeaderFields",
    "MessageError",
    "RequestHeadParser",
    "ResponseHeadParser",
    "STATUS_REASONS",
    "Wire",
    "WireError",
    "isValidHost",
    "parseBasicCredentials",
    "parseHttpDate",
    "parseQualityValues",
    "parseRequestHead",
    "parseResponseHead",
    "parseStatusLine",
    "parseTarget",
    "persistence",
    "qualityOf",
    "requestFraming",
    "responseFraming",
    "statusReason",
    "writeBasicCredentials",
    "writeHttpDate",
    "writeRequestHead",
    "writeResponseHead",
    "writeStatusLine",
  ],
  server: [
    "BodyError",
    "HttpRequest",
    "accessLog",
    "listen",
    "serve",
    "serveDir",
    "webHandler",
    "withBasicAuth",
    "withCors",
    "withHeaders",
  ],
  client: [
    "Client",
    "ClientError",
    "connect",
    "fetch",
    "get",
    "head",
    "isProxyExempt",
    "post",
    "proxyFromEnvironment",
    "request",
    "resolveHost",
  ],
};

const FACES = { url, message, server, client };

for (const [folder, face] of Object.entries(FACES)) {
  Deno.test(`./${folder} gives out the names of the contract`, () => {
    const names = NAMES[folder as keyof typeof NAMES];
    assertEquals(Object.keys(face).toSorted(), names);
  });
}

Deno.test(". gives out what all the others do", () => {
  assertEquals(
    Object.keys(all).toSorted(),
    Object.values(NAMES).flat().toSorted(),
  );
});
