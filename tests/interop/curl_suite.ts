// Runs the tests of curl's own suite that apply to an HTTP client:
// deno task test:curl CHECKOUT [NUMBER...]
//
// CHECKOUT is a checkout of curl, whose docs/tests/FILEFORMAT.md describes the
// tests. curl_suite.md says which differences do not count, and why others
// exist. It needs sh, perl, openssl and GNU timeout.

import { octetsToText, textToOctets } from "../../message/_octets.ts";
import { makeCertificates } from "./_certificates.ts";
import { Case, hasOneBody, NotPlayed, read } from "./_curl_case.ts";
import {
  normalize,
  perl,
  same,
  sameCookies,
  splitRequests,
  without,
} from "./_curl_compare.ts";
import { CurlServer } from "./_curl_server.ts";

type Difference = readonly [what: string, wanted: string, got: string];
type Outcome = "passed" | "differs" | "needs a flag" | "not run";

interface Result {
  readonly number: number;
  readonly outcome: Outcome;
  readonly why: string;
  readonly differences: readonly Difference[];
}

const SERVERS = "none http https http-ipv6 http-unix http-proxy".split(" ");
const CERTIFICATE_REGEXP = /^test-localhost(?:-san-\w+)?\.pem$/;
const FEATURES = new Set(
  "http https ssl ipv6 unixsockets libz brotli cookies proxy netrc mime largefile large-time large-size http-auth local-http verbose-strings codeset-utf8 idn getrlimit threaded-resolver psl parsedate --libcurl"
    .split(" "),
);
const OTHER_PROTOCOLS_REGEXP =
  /\b(?:dict|file|ftps?|gophers?|imaps?|ldaps?|mqtts?|pop3s?|rtsp|scp|sftp|smbs?|smtps?|telnet|tftp|wss?|rtmp|ipfs|ipns):\/\//;
/** The command's errors for flags that it refuses. */
const REFUSAL_REGEXP =
  /^knock: (Cannot use --?[\w.-]+|Cannot resume (?:at|this)|Cannot read flag "-[^"]*": unknown)/m;
const PROJECT = new URL("../../", import.meta.url).pathname;

/** Whether a test is for an HTTP client, and a server like ours. */
function isForHttp(test: Case): boolean {
  const command = test.part("client/command");
  const text = command?.text ?? "";
  const servers = test.lines("client/server").map((line) => line.split(" "));
  const features = test.text("client/features").toLowerCase().split(/\s+/);
  const settings = test.text("client/setenv") + test.text("client/name");
  return text.trim() !== "" && command!.attributes.type === undefined &&
    test.part("client/tool") === undefined &&
    !test.lines("info/keywords").includes("unittest") &&
    servers.every(([name, pem = "test-localhost.pem"]) =>
      SERVERS.includes(name!) && CERTIFICATE_REGEXP.test(pem)
    ) &&
    features.every((word) =>
      word === "" || FEATURES.has(word.replace("!", "")) !== /^!/.test(word)
    ) &&
    !test.lines("reply/servercmd").includes("upgrade") &&
    test.part("reply/dns") === undefined &&
    // How curl finds its files, what it says about itself, and other protocols
    !/curlrc|CURL_HOME|XDG_CONFIG|^NETRC=/m.test(settings) &&
    !/--help|--version|--manual|(?<!\S)-[hVM]\b/.test(text) &&
    !OTHER_PROTOCOLS_REGEXP.test(text) &&
    (servers.length > 0 || /https?:\/\/|127\.0|--/.test(text)) &&
    /^\s*(?:perl -e|$)/.test(test.text("client/precheck"));
}

/** The data that all tests share. */
interface Suite {
  readonly checkout: string;
  readonly folder: string;
  readonly tls: { readonly cert: string; readonly key: string };
  /** The command, for a shell. */
  readonly knock: string;
}

function variablesOf({ folder: CERTDIR, checkout }: Suite, folder: string) {
  const names =
    "HOSTIP=127.0.0.1 CLIENTIP=127.0.0.1 HOST6IP=[::1] CLIENT6IP=[::1] CLIENT6IP-NB=::1 LOGDIR=log DEV_NULL=/dev/null PERL=perl CURL=deno USER=root VERSION=0 VERNUM=0"
      .split(" ").map((word) => word.split("="));
  const places = { PWD: folder, FILE_PWD: folder, CERTDIR };
  const HTTPUNIXPATH = `${folder}/http.sock`;
  const DATE = new Date().toISOString().slice(0, 10);
  const fixed: Record<string, string> = Object.fromEntries(names);
  return {
    ...fixed,
    ...places,
    HTTPUNIXPATH,
    SRCDIR: `${checkout}/tests`,
    DATE,
  };
}

async function play(number: number, suite: Suite): Promise<Result> {
  const folder = await Deno.makeTempDir({ dir: suite.folder, prefix: "t" });
  await Deno.mkdir(`${folder}/log`);
  const server = new CurlServer(`${folder}/http.sock`, suite.tls);
  const path = `${suite.checkout}/tests/data/test${number}`;
  const own = { ...variablesOf(suite, folder), ...server.ports };
  const variables = { ...own, TESTNUMBER: `${number}` };
  try {
    const world = { variables, features: FEATURES };
    const test = server.case = new Case(path, world);
    if (!isForHttp(test)) throw new NotPlayed();
    return await new Play(number, test, server, folder).result(suite.knock);
  } catch (error) {
    if (!(error instanceof NotPlayed)) throw error;
    return { number, outcome: "not run", why: "", differences: [] };
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** One test, run in its own folder. */
class Play {
  readonly #number: number;
  readonly #test: Case;
  readonly #server: CurlServer;
  readonly #folder: string;
  readonly #differences: Difference[] = [];

  constructor(number: number, test: Case, server: CurlServer, folder: string) {
    this.#number = number;
    this.#test = test;
    this.#server = server;
    this.#folder = folder;
  }

  async result(knock: string): Promise<Result> {
    const test = this.#test;
    const number = this.#number;
    for (const { attributes: { name }, text } of test.all("client/file")) {
      if (name === undefined) continue;
      const path = name.startsWith("/") ? name : `${this.#folder}/${name}`;
      await Deno.mkdir(path.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(path, textToOctets(text));
    }
    const before = test.text("client/precheck").trim();
    const check = before === "" ? "" : await this.#shell(before);
    if (check !== "") throw new NotPlayed();
    const code = await this.#run(knock);
    await this.#server.close();
    this.#verify(code);
    const after = test.text("verify/postcheck").trim();
    if (after !== "" && this.#differences.length === 0) {
      const failure = await this.#shell(`{ ${after}\n} || echo failed`);
      if (failure.includes("failed")) this.#compare("postcheck", "", failure);
    }
    const differences = this.#differences;
    const words = this.#read(`log/stderr${number}`);
    const [, refusal] = REFUSAL_REGEXP.exec(words) ?? [];
    const isRefused = differences.length > 0 ||
      /use|resume/.test(refusal ?? "");
    if (code === "2" && refusal !== undefined && isRefused) {
      return { number, outcome: "needs a flag", why: refusal, differences };
    }
    const outcome = differences.length === 0 ? "passed" : "differs";
    const why = differences.map(([what]) => what).join(", ");
    return { number, outcome, why, differences };
  }

  #read(name: string): string {
    try {
      return read(name.startsWith("/") ? name : `${this.#folder}/${name}`);
    } catch {
      return "";
    }
  }

  async #shell(script: string): Promise<string> {
    const path = `${this.#folder}/script`;
    await Deno.writeFile(path, textToOctets(script));
    const { stdout } = await new Deno.Command("timeout", {
      args: ["-s", "KILL", "15", "sh", path],
      cwd: this.#folder,
      stdin: "null",
      stderr: "null",
    }).output();
    return octetsToText(stdout);
  }

  /** Runs the command, and returns its exit code. */
  async #run(knock: string): Promise<string> {
    const test = this.#test;
    const number = this.#number;
    const { option = "" } = test.part("client/command")!.attributes;
    const text = test.text("client/command").replaceAll("\n", " ").trim();
    const wantsOut = !option.includes("no-output") &&
      (!test.part("verify/stdout") || option.includes("force-output"));
    // A file gets its name only when it is complete, so a lone body uses stdout
    const isLone = !test.part("verify/stdout") && hasOneBody(text);
    const flags = [
      ...wantsOut && !isLone ? [`--output log/curl${number}.out`] : [],
      ...option.includes("no-include") ? [] : ["--include"],
    ];
    const setting = test.lines("client/setenv").map((line) =>
      line.includes("=")
        ? `export ${line.replace("=", "='")}'`
        : `unset ${line}`
    );
    const log = `${this.#folder}/log`;
    const stdin = textToOctets(test.text("client/stdin"));
    await Deno.writeFile(`${log}/stdin`, stdin);
    const code = await this.#shell(
      [
        "export NO_COLOR=1 LC_ALL=C.UTF-8 DENO_DIR=${DENO_DIR:-$HOME/.cache/deno}",
        `export HOME='${this.#folder}'`,
        "unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY",
        ...setting,
        `{ ${knock} ${flags.join(" ")} ${text}`,
        `} <log/stdin >log/stdout${number} 2>log/stderr${number}`,
        "echo $?",
      ].join("\n"),
    );
    if (wantsOut && isLone) {
      await Deno.copyFile(`${log}/stdout${number}`, `${log}/curl${number}.out`);
    }
    return code.trim() || "hangs";
  }

  #verify(code: string): void {
    const test = this.#test;
    const stdout = test.part("verify/stdout");
    if (stdout !== undefined) {
      const { loadfile, mode } = stdout.attributes;
      const wanted = loadfile ? this.#read(loadfile) : stdout.text;
      const strips = test.lines("verify/stripfile");
      this.#compare(
        "stdout",
        wanted.replace(/^%EMPTY\r?\n?/, ""),
        perl(strips, this.#read(`log/stdout${this.#number}`)),
        mode,
      );
    }
    this.#verifyData();
    this.#verifyRequests("protocol", false);
    this.#verifyRequests("proxy", true);
    for (const suffix of ["", "1", "2", "3", "4"]) {
      const part = test.part(`verify/file${suffix}`);
      if (part === undefined) continue;
      const { name = "", mode } = part.attributes;
      const strips = test.lines(`verify/stripfile${suffix}`);
      const got = perl(strips, this.#read(name));
      const isOwn = name === `log/stderr${this.#number}` ||
        test.text("client/command").includes(`--stderr ${name}`);
      const isJar = part.text.startsWith("# Netscape HTTP Cookie File");
      if (isOwn || isJar && sameCookies(part.text, got)) continue;
      this.#compare(`file ${name}`, part.text, got, mode);
    }
    for (const name of test.lines("verify/notexists")) {
      if (this.#read(name) !== "") this.#differences.push([name, "none", name]);
    }
    const allowed = (test.lines("verify/errorcode")[0] ?? "0").split(/\s*,\s*/);
    if (!allowed.includes(code)) {
      this.#differences.push(["exit code", allowed.join(), code]);
    }
  }

  #verifyData(): void {
    const data = this.#test.part("reply/data");
    const checks = this.#test.all("reply/datacheck");
    const wanted = checks.length > 0
      ? checks.map(({ text }) => text).join("")
      : data?.text ?? "";
    const { nocheck, sendzero, mode } = data?.attributes ?? {};
    if (nocheck || wanted === "" && !sendzero) return;
    const out = this.#read(`log/curl${this.#number}.out`);
    this.#compare("data", wanted, out, mode ?? checks[0]?.attributes.mode);
  }

  #verifyRequests(what: "protocol" | "proxy", isProxy: boolean): void {
    const part = this.#test.part(`verify/${what}`);
    if (part === undefined) return;
    const strips = [...this.#test.lines("verify/strip"), "^\\[DISCONNECT\\]$"];
    const operations = this.#test.lines("verify/strippart");
    const wanted = splitRequests(without(strips, part.text))
      .map((text) => normalize(text, strips, []));
    const got = this.#server.requests
      .filter(({ kind }) => (kind === "proxy") === isProxy)
      .map(({ text }) => normalize(text, strips, operations));
    this.#compare(what, wanted.join(""), got.join(""));
  }

  #compare(what: string, wanted: string, got: string, mode = ""): void {
    const [one, other] = mode === "text"
      ? [wanted, got].map((text) => text.replaceAll("\r\n", "\n"))
      : [wanted, got];
    if (!same(one!, other!)) this.#differences.push([what, one!, other!]);
  }
}

/** Runs tests, two at a time. */
async function playAll(numbers: number[], suite: Suite): Promise<Result[]> {
  const rest = numbers.values();
  const results: Result[] = [];
  const work = async () => {
    for (const number of rest) results.push(await play(number, suite));
  };
  await Promise.all([work(), work()]);
  return results.sort((a, b) => a.number - b.number);
}

/** Prints the counts, and the differences unless `isWhole`. */
function report(results: readonly Result[], isWhole: boolean): void {
  const outcomes = Map.groupBy(results, ({ outcome }) => outcome);
  for (const [outcome, all] of outcomes) {
    console.log(`${all.length} ${outcome}`);
    if (outcome === "not run") continue;
    for (const [why, group] of Map.groupBy(all, ({ why }) => why)) {
      const numbers = group.map(({ number }) => number).join(" ");
      console.log(`${outcome}: ${why && `${why}: `}${numbers}`);
    }
  }
  for (const { number, differences } of isWhole ? [] : results) {
    for (const [what, wanted, got] of differences) {
      console.log(
        `${number} ${what}, wanted:\n${wanted}\n${number} got:\n${got}`,
      );
    }
  }
}

const [given, ...only] = Deno.args;
if (given === undefined) throw new Error("Give a checkout of curl");
const checkout = await Deno.realPath(given);
const folder = await Deno.makeTempDir({ prefix: "curl-suite-" });
try {
  await makeCertificates(folder);
  await Deno.mkdir(`${folder}/certs`);
  await Deno.copyFile(`${folder}/ca.pem`, `${folder}/certs/test-ca.crt`);
  const [cert, key] = ["leaf.pem", "leaf.key"]
    .map((name) => Deno.readTextFileSync(`${folder}/${name}`));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", `${PROJECT}offline/pick.ts`],
  }).output();
  const map = new TextDecoder().decode(stdout).trim();
  const knock =
    `deno run -q --config=${PROJECT}deno.json ${map} -P=save ${PROJECT}client/main.ts`;
  const all = [...Deno.readDirSync(`${checkout}/tests/data`)]
    .flatMap(({ name }) => /^test(\d+)$/.exec(name)?.[1] ?? []);
  const numbers = (only.length > 0 ? only : all).map(Number);
  const suite = { checkout, folder, tls: { cert: cert!, key: key! }, knock };
  report(await playAll(numbers, suite), only.length === 0);
} finally {
  await Deno.remove(folder, { recursive: true });
}
