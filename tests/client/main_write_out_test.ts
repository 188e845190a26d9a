import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "./_memory_io.ts";
import { closedPort, ok, type RawServer, serveRaw } from "./_server.ts";

/** A server for these tests; `/to` redirects to `/there?x=1`. */
function serve(): RawServer {
  return serveRaw((request, count) => {
    const [, path = ""] = request.split(" ");
    if (path === "/to") {
      const fields = "Location: /there?x=1\r\nX-A: 0\r\nContent-Length: 3";
      return { raw: `HTTP/1.1 302 Found\r\n${fields}\r\n\r\n302` };
    }
    if (path === "/tonothing") {
      return {
        raw: `HTTP/1.0 302 F\r\nLocation: /no\r\nContent-Length: 3\r\n\r\n302`,
      };
    }
    if (path === "/no") return { raw: ok("") };
    if (path === "/far") {
      return { raw: "HTTP/1.0 302 Found\r\nLocation: ht3p://a/\r\n\r\n" };
    }
    if (path === "/wrong") {
      return { raw: "HTTP/1.0 302 Found\r\nLocation: http://[\r\n\r\n" };
    }
    if (path === "/404") {
      return { raw: "HTTP/1.0 404 No\r\nContent-Length: 3\r\n\r\n404" };
    }
    if (path === "/busy" && count === 0) {
      return { raw: "HTTP/1.0 503 Busy\r\nRetry-After: 0\r\n\r\n" };
    }
    if (path === "/bad") {
      return { raw: "HTTP/1.0 200 OK\r\nX-\x1b: [31m\r\n\r\n" };
    }
    if (path === "/old") {
      const date = "Sun, 06 Nov 1994 08:49:37 GMT";
      return { raw: ok("body", `Last-Modified: ${date}\r\n`) };
    }
    if (path === "/utf8") {
      return { raw: ok("body", "Content-Type: a/b; c=\xc3\xa9\r\n") };
    }
    return {
      raw: ok(
        "body",
        "Content-Type: text/x\r\nX-A: 1\r\nx-a: \xc2\x9b2\r\nX-B: \xc2\x9b2\r\n",
      ),
    };
  });
}

/** Arguments after `-o /dev/null`, the format, and the output. */
const FORMATS: readonly (readonly [string[], string, string])[] = [
  [["URL"], "", ""],
  [["URL"], "a", "a"],
  [["URL"], String.raw`%{http_code}\n`, "200\n"],
  [["URL"], "%{response_code} %{http_version} %{method}", "200 1.0 GET"],
  [["URL"], String.raw`%%{x}%x%|\t|\q|\\n|%`, "%{x}%x%|\t|\\q|\\\\n|%"],
  [["URL"], String.raw`\%{method}%\n%%n%`, String.raw`\%{method}%\n%n%`],
  [["URL"], "%{http_code", "%{http_code"],
  [["URL"], "%{content_type}|%{num_headers}|%{size_download}", "text/x|5|4"],
  [["-e", "ü", "URLutf8"], "%{content_type} %{referer}", "a/b; c=é ü"],
  [["URL"], "%header{X-A}|%header{no}|", "1||"],
  [["URL404"], "%{http_code} %{exitcode} %{errormsg}", "404 0 "],
  [["-z", "19941107", "URLold"], "%{http_code} %{response_code}", "304 304"],
  [["-z", "19941105", "URLold"], "%{http_code} %{response_code}", "200 200"],
  [["-d", "abc", "URL"], "%{method} %{size_upload}", "POST 3"],
  [["-i", "URL"], "%{size_delivered}", "92"],
  [["-I", "URL"], "%{method} %{size_download}", "HEAD 0"],
  [["URLto"], "%{num_redirects} %{redirect_url}", "0 URLthere?x=1"],
  [["URLfar"], "%{redirect_url}", "ht3p://a/"],
  [["URLwrong"], "%{redirect_url}", "http://["],
  [["URL"], "%header{none}|", "|"],
  [["-L", "URLto"], "%{num_redirects}|%{redirect_url}|%{url}", "1||URLto"],
  [["-L", "URLto"], "%{url_effective} %{num_connects}", "URLthere?x=1 2"],
  [["-L", "URLto"], "%header{x-a}", "1"],
  [["-L", "URLtonothing"], "%{size_download}", "0"],
  [["-L", "URLto"], "%{size_download}", "4"],
  [["URL1", "URL2"], "%{urlnum}%{scheme}", "0http1http"],
  [["URL[1-2]"], "%{urlnum} %{url}\\n", "0 URL1\n0 URL2\n"],
  [["--retry", "1", "URLbusy"], "%{num_retries} %{http_code}", "1 200"],
  [
    ["URL"],
    "%{remote_ip} %{local_ip} %{filename_effective}",
    "127.0.0.1 127.0.0.1 /dev/null",
  ],
  [["URL"], "a%{onerror}b", "a"],
  [["URL"], "%{time_redirect}", "0.000000"],
  [["URL", "--next", "URL"], "x", "xbody"],
  [["URL"], "%{no_such}%{constructor}%{url.nothing}x", "x"],
];

for (const [args, format, expected] of FORMATS) {
  Deno.test(`main() writes ${JSON.stringify(format)} after ${args.join(" ")}`, async () => {
    await using server = serve();
    const given = args
      .map((arg) => arg.replace("URL", server.url));
    const outputs = given.flatMap(() => ["-o", "/dev/null"]);
    const { code, out } = await run(["-s", "-w", format, ...outputs, ...given]);
    assertEquals(code, 0);
    assertEquals(out, expected.replaceAll("URL", server.url));
  });
}

/** Arguments that fail, the exit code, and what -w writes. */
const FAILURES: readonly (readonly [string[], number, string])[] = [
  [["http://127.0.0.1:CLOSED/"], 7, "000 7 0"],
  [["http://127.0.0.1:99999/"], 3, "000 3 0"],
  [["-f", "URL404"], 22, "404 22 1"],
  [["URLbad"], 8, "000 8 1"],
  [["-o", "/dev/null/file", "URL"], 23, "000 23 0"],
];

for (const [args, code, expected] of FAILURES) {
  Deno.test(`main() -w describes the failure of ${args.join(" ")}`, async () => {
    await using server = serve();
    const given = args.map((arg) =>
      arg.replace("URL", server.url).replace("CLOSED", String(closedPort()))
    );
    const format =
      "%{http_code} %{exitcode} %{num_connects}%{onerror}|%{errormsg}";
    const result = await run(["-w", format, ...given]);
    assertEquals(result.code, code);
    const [numbers, message] = result.out.split("|");
    assertEquals(numbers, expected);
    assertEquals(`knock: ${message}`, result.err.split("\n")[0]);
  });
}

Deno.test("main() -w sends no request if a URL is wrong", async () => {
  await using server = serve();
  const result = await run([
    ...["-s", "-w", "%{http_code}\\n", server.url, "http://a:99999/"],
  ]);
  assertEquals([result.code, result.out], [3, "000\n"]);
  assertEquals(server.requests, []);
});

Deno.test("main() -w writes times in increasing order", async () => {
  await using server = serve();
  const names = ["namelookup", "connect", "pretransfer", "posttransfer"];
  const format = [...names, "starttransfer", "total"]
    .map((name) => `%{time_${name}}`).join(" ");
  const { out } = await run(["-w", `|${format}`, server.url]);
  const texts = out.split("|")[1]!.split(" ");
  for (const text of texts) assertMatch(text, /^\d\.\d{6}$/);
  const times = texts.map(Number);
  assertEquals(times, times.toSorted((a, b) => a - b));
  const later = "|%{time_redirect} %{time_starttransfer} %{time_total}";
  const led = await run(["-L", "-w", later, `${server.url}to`]);
  // As in curl, the time between two requests counts only in the total
  const [first, start, total] = led.out.split("|")[1]!.split(" ").map(Number);
  assert(first! > 0 && start! > 0);
  assert(total! >= first! && total! >= start!);
});

Deno.test("main() -w writes the times of the last attempt", async () => {
  const busy = "HTTP/1.0 503 Wait\r\n\r\n";
  await using server = serveRaw((_, n) => ({ raw: n === 0 ? busy : ok("") }));
  const args = "--retry 1 --retry-delay 0.5 -w".split(" ");
  const format = "%{time_redirect} %{time_starttransfer} %{time_total}";
  const { out } = await run([...args, format, server.url]);
  assert(out.split(" ").every((time) => Number(time) < 0.4), out);
});

Deno.test("main() -w writes all variables as JSON", async () => {
  await using server = serve();
  const { out } = await run([
    ...["-o", "/dev/null", "-w", "%{json}\\n%{header_json}", server.url],
  ]);
  const [line, ...rest] = out.split("\n");
  const all = JSON.parse(line!);
  assertEquals(
    [all.http_code, all.url, all.errormsg, all.http_version, all.urlnum],
    [200, server.url, null, "1.0", 0],
  );
  assertEquals([all.referer, all.redirect_url], [null, null]);
  assertEquals(Object.keys(all), Object.keys(all).toSorted());
  assertEquals(JSON.parse(rest.join("\n")), {
    "content-type": ["text/x"],
    "x-a": ["1", "\x9b2"],
    "x-b": ["\x9b2"],
    "content-length": ["4"],
  });
});

Deno.test("main() -w describes the last response, and its server", async () => {
  await using last = serve();
  const raw = `HTTP/1.0 302 Found\r\nX-A: 0\r\nLocation: ${last.url}\r\n\r\n`;
  await using first = serveRaw(() => ({ raw }));
  const format = "%{remote_port}|%{header_json}";
  const args = ["-L", "-o", "/dev/null", "-w", format, first.url];
  const [port, fields = ""] = (await run(args)).out.split("|");
  assertEquals(port, String(last.port));
  assertEquals(JSON.parse(fields)["x-a"], ["1", "\x9b2"]);
});

/** What -w writes without a response. */
const NO_RESPONSE = {
  content_type: null,
  http_code: 0,
  http_connect: 0,
  http_version: "0",
  local_ip: "",
  local_port: 0,
  method: "GET",
  num_connects: 0,
  num_headers: 0,
  num_redirects: 0,
  num_retries: 0,
  redirect_url: null,
  referer: null,
  remote_ip: "",
  remote_port: 0,
  response_code: 0,
  size_delivered: 0,
  size_download: 0,
  size_header: 0,
  size_request: 0,
  size_upload: 0,
  speed_download: 0,
  speed_upload: 0,
  urlnum: 0,
};

Deno.test("main() -w writes all variables as JSON without a response", async () => {
  const closed = `http://127.0.0.1:${closedPort()}/`;
  const cases = [[closed, 7, "/dev/null", "http"], [
    "http://a:99999/",
    3,
    null,
    null,
  ]] as const;
  for (const [url, exitcode, filename_effective, scheme] of cases) {
    const args = ["-o", "/dev/null", "-w", "%{json}", url];
    const { out, err } = await run(args);
    const all = Object.entries(JSON.parse(out))
      .filter(([name]) => !name.startsWith("time_"));
    assertEquals(Object.fromEntries(all), {
      ...NO_RESPONSE,
      errormsg: err.replace(/^knock: |\n.*$/gs, ""),
      exitcode,
      filename_effective,
      scheme,
      url,
      url_effective: url,
    });
  }
});

Deno.test("main() -w writes times and speeds in seconds", async () => {
  await using server = serveRaw((_, count) =>
    count === 0
      ? {
        raw: "HTTP/1.0 307 Later\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        delay: 100,
      }
      : { raw: ok("x".repeat(50_000)) }
  );
  const body = ["-d", "y".repeat(10_000)];
  const start = performance.now();
  const { out } = await run([
    ...["-s", "-L", "-o", "/dev/null", "-w", "%{json}", ...body, server.url],
  ]);
  const passed = (performance.now() - start) / 1000;
  const all = JSON.parse(out);
  const { time_redirect: redirect, time_starttransfer: begin } = all;
  assert(redirect >= 0.09 && begin >= redirect, out);
  assert(all.time_total >= begin && all.time_total <= passed, out);
  const speed = 50_000 / all.time_total;
  assert(Math.abs(all.speed_download - speed) < speed / 100, out);
  assertEquals(all.size_upload, 10_000);
  assert(Math.abs(all.speed_upload / all.speed_download - 0.2) < 0.01, out);
  const sizes = server.requests.map(({ length }) => length);
  assertEquals(all.size_request, sizes[0]! + sizes[1]!);
});

Deno.test("main() -w writes the proxy's status for CONNECT, and counts its head", async () => {
  await using proxy = serveRaw((request) =>
    request.startsWith("CONNECT")
      ? { raw: "HTTP/1.0 201 Made\r\n\r\n", then: "next" }
      : { raw: ok("body") }
  );
  const format = "|%{http_connect} %{http_code} %{size_header}";
  const url = "http://knock.invalid/";
  const { out } = await run(["-p", "-x", proxy.url, "-w", format, url]);
  const size = "HTTP/1.0 201 Made\r\n\r\n".length + ok("").length;
  assertEquals(out, `body|201 200 ${size}`);
});

Deno.test("main() -w warns about an unknown variable", async () => {
  await using server = serve();
  const { code, err } = await run(["-w", "%{nope}", server.url]);
  const message = 'knock: Cannot write "nope" of -w: no such variable\n';
  assertEquals([code, err], [0, message]);
});

Deno.test("main() -w writes to stderr, to files, and to stdout again", async () => {
  await using server = serve();
  const path = await Deno.makeTempFile();
  try {
    const format =
      `1%{stderr}2\\n%{stdout}3%output{${path}}4%{stdout}5%output{>>${path}}6%output{/dev/null/7}7`;
    const args = ["-o", "/dev/null", "-w", format];
    const { code, out, err } = await run([...args, server.url]);
    assertEquals([code, out], [0, "135"]);
    assertMatch(err, /^2\nknock: Cannot write "\/dev\/null\/7": .*\n$/);
    assertEquals(await Deno.readTextFile(path), "46");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("main() -w reads its format from a file, or from stdin", async () => {
  await using server = serve();
  // As in curl, line ends of the file are ignored: \n writes one
  const stdin = "code %{http_code}\\n\r\nnumber %{urlnum}\\n\n";
  const { out } = await run(["-w", "@-", server.url], { stdin });
  assertEquals(out, "bodycode 200\nnumber 0\n");
  const { code, err } = await run(["-w", "@no-such", server.url]);
  assertEquals(code, 26);
  assertMatch(err, /^knock: Cannot read "no-such": /);
});

Deno.test("main() -w escapes what could control a terminal", async () => {
  await using server = serve();
  const args = ["-o", "/dev/null", "-w", "\x1b[1m%header{x-b}\\r"];
  const { out } = await run([...args, server.url], { isTerminal: true });
  assertEquals(out, "\x1b[1m\\u009b2\r");
});

Deno.test("main() -w writes after each body, even with -Z", async () => {
  await using server = serveRaw((request) => {
    const [, path = ""] = request.split(" ");
    return { raw: ok(path), delay: path === "/1" ? 50 : 0 };
  });
  const { out } = await run(["-Z", "-w", "|", `${server.url}[1-3]`]);
  assertEquals(out, "/1|/2|/3|");
  const urls = [`${server.url}1`, `http://127.0.0.1:${closedPort()}/`];
  const failed = await run(["-Z", "-w", "%{exitcode}|", ...urls]);
  assertEquals(failed.out, "/10|7|");
});
