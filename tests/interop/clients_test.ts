// Tests other people's clients with this server. If a program is missing, its
// test is skipped, and its name says which Debian package has the program.

import { type Row, testRow } from "./_run.ts";
import { CURL, PYTHON } from "./_servers.ts";

const peer = (program: string, name = program) => ({ program, package: name });
const WGET = peer("wget");
const NODE = peer("node", "nodejs");
const BODY = "head -c 3000000 /dev/zero >body";

const ROWS: readonly Row[] = [
  {
    peer: CURL,
    // curl sends the second request as HTTP/1.0, without keep-alive
    proves: "sends two requests on a connection, one of which is an error",
    script: `curl -s -o x -o y -o z -w '%{http_code} %{num_connects}, ' \\
      $URL/text.txt $URL/none $URL/text.txt`,
    prints: /^200 1, 404 0, 200 1, $/,
  },
  {
    peer: CURL,
    proves: "resumes a download, and does not repeat a complete one",
    script: `curl -s -r 0-99 -o t $URL/text.txt
      curl -s -C - -o t $URL/text.txt; cmp t $ROOT/text.txt && echo same
      curl -s -R -o t $URL/text.txt
      curl -s -z t -o u -w '%{http_code}' $URL/text.txt`,
    prints: /^same\n304$/,
  },
  {
    peer: CURL,
    proves: "gets compressed text on request",
    script: `curl -s --compressed -o t -w '%{size_download}\n' $URL/text.txt
      cmp t $ROOT/text.txt && echo same`,
    prints: /^\d{2,3}\nsame\n$/,
  },
  {
    peer: CURL,
    proves: "uploads a file",
    script: `${BODY}; curl -s -T body $URL/echo; curl -s -d a=1 $URL/echo`,
    prints: /^PUT 3000000\nPOST 3\n$/,
  },
  {
    peer: WGET,
    proves: "resumes a download, and does not repeat an unchanged one",
    script: `head -c 99 $ROOT/text.txt >text.txt; wget -c $URL/text.txt
      cmp text.txt $ROOT/text.txt && echo same
      rm text.txt; wget -q $URL/text.txt; wget -N $URL/text.txt`,
    prints: /206 Partial Content[^]*\nsame\n[^]*304 Not Modified/,
  },
  {
    peer: WGET,
    proves: "mirrors a tree by its lists",
    script: `wget -q -m -np -nH -R 'index.html*' $URL/list/
      find list -type f | sort; diff -r list $ROOT/list && echo same`,
    prints: /^list\/a b\.txt\nlist\/sub\/c\.txt\nsame\n$/,
  },
  {
    peer: PYTHON,
    proves: "urllib gets files, parts, errors and responses to a POST",
    script: `python3 - <<'END'
import os, urllib.request as r, urllib.error
url = os.environ["URL"]
print(len(r.urlopen(url + "/text.txt").read()))
part = r.urlopen(r.Request(url + "/text.txt", headers={"Range": "bytes=0-4"}))
print(part.status, part.read())
print(r.urlopen(url + "/folder").geturl()[len(url):])
print(r.urlopen(url + "/echo", b"a=1").read())
try: r.urlopen(url + "/none")
except urllib.error.HTTPError as error: print(error.code)
END`,
    prints: /^13000\n206 b'Knock'\n\/folder\/\nb'POST 3\\n'\n404\n$/,
  },
  {
    peer: NODE,
    proves: "http reuses a connection, and gets a 411 for a chunked upload",
    script: `node - <<'END'
const http = require("node:http"), ports = [];
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const ask = (method, path, body) => new Promise((done) => {
  http.request(process.env.URL + path, { method, agent }, async (response) => {
    let text = ""; for await (const part of response) text += part;
    done(response.statusCode);
  }).on("socket", ({ localPort }) => ports.push(localPort)).end(body);
});
(async () => {
  const codes = [await ask("GET", "/text.txt"), await ask("HEAD", "/text.txt"),
    await ask("POST", "/echo", "a=1")];
  const count = new Set(ports).size;
  const stream = http.request(process.env.URL + "/echo", { method: "POST" });
  stream.on("response", (r) => console.log(...codes, count, r.statusCode));
  stream.write("a"); stream.end("b");
})();
END`,
    prints: /^200 200 200 1 411\n$/,
  },
  {
    peer: NODE,
    proves: "fetch (undici) gets files, parts, redirects and compressed text",
    script: `node - <<'END'
const url = process.env.URL;
(async () => {
  const text = await (await fetch(url + "/text.txt")).text();
  const headers = { Range: "bytes=0-4" };
  const part = await fetch(url + "/text.txt", { headers });
  const moved = await fetch(url + "/folder");
  const sent = await fetch(url + "/echo", { method: "PUT", body: "abc" });
  console.log(text.length, part.status, await part.text(), moved.redirected,
    await sent.text());
})();
END`,
    prints: /^13000 206 Knock true PUT 3\n\n$/,
  },
  {
    peer: peer("http", "httpie"),
    proves: "HTTPie downloads, and posts JSON",
    script: `http --ignore-stdin -b $URL/echo a=1
      http --ignore-stdin --download -o t $URL/text.txt >log 2>&1
      cmp t $ROOT/text.txt && echo same`,
    prints: /^POST 10\n\n*same\n$/,
  },
  {
    peer: peer("ab", "apache2-utils"),
    proves: "keeps its HTTP/1.0 connections if it asks for it",
    script: "ab -q -k -n 500 -c 10 $URL/text.txt",
    prints: /Failed requests: +0\nKeep-Alive requests: +500\n/,
  },
  {
    peer: peer("ab", "apache2-utils"),
    proves: "opens a connection for each request otherwise",
    script: "ab -q -n 500 -c 10 $URL/text.txt",
    prints: /Complete requests: +500\nFailed requests: +0\nTotal transferred/,
  },
  {
    peer: peer("wrk"),
    proves: "gets no errors in a second of load",
    script: "wrk -t1 -c16 -d1s $URL/text.txt",
    prints: /^(?![^]*(?:Non-2xx|Socket errors))[^]*Requests\/sec: +[1-9]/,
  },
  {
    peer: peer("lynx"),
    proves: "shows a list of files in a terminal",
    script: "lynx -dump -nolist $URL/list/",
    prints: /\n +sub [^]*\n +a b\.txt +2 B /,
  },
];

for (const row of ROWS) testRow(row);
