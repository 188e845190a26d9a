// Plays those tests of curl's own suite that a client of http can be asked:
// deno task test:curl CHECKOUT [NUMBER...]
//
// CHECKOUT is a checkout of curl, whose docs/tests/FILEFORMAT.md tells the form
// of the tests. What is forgiven, and what differs and why, is in
// curl_suite.md. It needs sh, perl, openssl and GNU timeout.

import { ACCEPTED, REFUSED } from "../../client/_command/curl_flags.ts";
import { ALIASES, FLAGS } from "../../client/_command/flag_table.ts";
import { type Flag, listTokens } from "../../command/flags.ts";
import { octetsToText, textToOctets } from "../../message/_octets.ts";
import { makeCertificates } from "./_certificates.ts";
import { Case, linesOf, NotPlayed, read } from "./_curl_case.ts";
import { normalize, perl, splitRequests, without } from "./_curl_requests.ts";
import { CurlServer } from "./_curl_server.ts";

type Difference = readonly [what: string, wanted: string, got: string];
type Outcome = "passed" | "differs" | "needs a flag" | "not played";

interface Result {
  readonly number: number;
  readonly outcome: Outcome;
  readonly why: string;
  readonly differences: readonly Difference[];
}

const SERVERS = ["http", "https", "http-ipv6", "http-unix", "http-proxy"];
const FEATURES = new Set(
  "http https ssl ipv6 unixsockets libz brotli cookies proxy netrc mime largefile large-time large-size http-auth local-http verbose-strings codeset-utf8 idn getrlimit threaded-resolver psl parsedate --libcurl"
    .split(" "),
);
const OTHER_PROTOCOLS =
  /\b(?:dict|file|ftps?|gophers?|imaps?|ldaps?|mqtts?|pop3s?|rtsp|scp|sftp|smbs?|smtps?|telnet|tftp|wss?|rtmp|ipfs|ipns):\/\//;
/** Of the command itself: what it does not do, and says so. */
const REFUSAL_REGEXP =
  /^knock: (Cannot use --?[\w.-]+|Cannot go on (?:at|with this)|Cannot read flag "-[^"]*": unknown)/m;
const KNOWN: readonly Flag[] = [
  ...FLAGS,
  ...ACCEPTED,
  ...REFUSED,
  ...Object.entries(ALIASES).map(([name, meant]) => {
    const takes = FLAGS.find((flag) => flag[1] === meant)![2];
    return ["", name, takes, ""] as const;
  }),
];
const PROJECT = new URL("../../", import.meta.url).pathname;

/** Why a test is not for a client of http; null if it is. */
function reasonNotToPlay(test: Case): string | null {
  const command = test.text("client/command");
  const { type } = test.part("client/command")?.attributes ?? {};
  const servers = test.lines("client/server").map((line) => line.split(" "));
  const features = test.text("client/features").toLowerCase().split(/\s+/)
    .filter((word) => word !== "");
  const settings = test.text("client/setenv") + test.text("client/name");
  const before = test.text("client/precheck").trim();
  const isForLibrary = test.part("client/tool") !== undefined ||
    test.lines("info/keywords").includes("unittest");
  const reasons: readonly (readonly [boolean, string])[] = [
    [command.trim() === "" || type !== undefined, "is no command of curl"],
    [isForLibrary, "is for libcurl"],
    [
      servers.some(([name]) => !["none", ...SERVERS].includes(name!)),
      "needs another server",
    ],
    [
      servers.some(([, pem = "test-localhost.pem"]) =>
        !/^test-localhost(?:-san-\w+)?\.pem$/.test(pem)
      ),
      "needs another certificate",
    ],
    [
      features.some((word) =>
        FEATURES.has(word.replace("!", "")) === word.startsWith("!")
      ),
      "needs another feature",
    ],
    [test.lines("reply/servercmd").includes("upgrade"), "is an upgrade"],
    [test.part("reply/dns") !== undefined, "needs DNS"],
    [
      /curlrc|CURL_HOME|XDG_CONFIG|^NETRC=/m.test(settings),
      "needs a file that is found by itself",
    ],
    [
      /--help|--version|--manual|(?<!\S)-[hVM]\b/.test(command),
      "is about what curl says of itself",
    ],
    [OTHER_PROTOCOLS.test(command), "is about another protocol"],
    [
      servers.length === 0 && !/https?:\/\/|127\.0|--/.test(command),
      "sends nothing",
    ],
    [before !== "" && !before.startsWith("perl -e"), "needs a program"],
  ];
  return reasons.find(([holds]) => holds)?.[1] ?? null;
}

/** What all tests share. */
interface Suite {
  readonly checkout: string;
  readonly folder: string;
  readonly tls: { readonly cert: string; readonly key: string };
  /** The command, for a shell. */
  readonly knock: string;
}

function variablesOf(suite: Suite, folder: string, number: number) {
  const names =
    "HOSTIP=127.0.0.1 CLIENTIP=127.0.0.1 HOST6IP=[::1] CLIENT6IP=[::1] CLIENT6IP-NB=::1 LOGDIR=log DEV_NULL=/dev/null PERL=perl CURL=deno USER=root VERSION=0 VERNUM=0"
      .split(" ").map((word) => word.split("="));
  return {
    ...Object.fromEntries(names) as Record<string, string>,
    ...{ PWD: folder, FILE_PWD: folder, CERTDIR: suite.folder },
    ...{
      HTTPUNIXPATH: `${folder}/http.sock`,
      SRCDIR: `${suite.checkout}/tests`,
    },
    TESTNUMBER: `${number}`,
    DATE: new Date().toISOString().slice(0, 10),
  };
}

async function play(number: number, suite: Suite): Promise<Result> {
  const folder = await Deno.makeTempDir({ dir: suite.folder, prefix: "t" });
  await Deno.mkdir(`${folder}/log`);
  const server = new CurlServer(`${folder}/http.sock`, suite.tls);
  const path = `${suite.checkout}/tests/data/test${number}`;
  const variables = {
    ...variablesOf(suite, folder, number),
    ...server.ports,
  };
  try {
    const test = server.case = new Case(path, {
      variables,
      features: FEATURES,
    });
    const why = reasonNotToPlay(test);
    if (why !== null) throw new NotPlayed(why);
    return await new Play(number, test, server, folder).result(suite.knock);
  } catch (error) {
    if (!(error instanceof NotPlayed)) throw error;
    const why = error.message;
    return { number, outcome: "not played", why, differences: [] };
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** A test that is played, in a folder of its own. */
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
    if (check !== "") throw new NotPlayed("says that it cannot run here");
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
    const isRefused = differences.length > 0 || /use|go on/.test(refusal ?? "");
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
    const out = `log/curl${number}.out`;
    const wantsOut = !option.includes("no-output") &&
      (!test.part("verify/stdout") || option.includes("force-output"));
    // A file has its name only when it is whole, so a lone body comes by stdout
    const isLone = !test.part("verify/stdout") && hasOneBody(text);
    const flags = [
      ...wantsOut && !isLone ? [`--output ${out}`] : [],
      ...option.includes("no-include") ? [] : ["--include"],
    ];
    const setting = test.lines("client/setenv").map((line) =>
      line.includes("=")
        ? `export ${line.replace("=", "='")}'`
        : `unset ${line}`
    );
    await Deno.writeFile(
      `${this.#folder}/log/stdin`,
      textToOctets(test.text("client/stdin")),
    );
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
      await Deno.copyFile(
        `${this.#folder}/log/stdout${number}`,
        `${this.#folder}/${out}`,
      );
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

const WORD_REGEXP = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g;
const OUTPUTS = ["output", "remote-name", "cookie-jar"];

/** Whether a command line has one body, and says nothing of where it goes. */
function hasOneBody(text: string): boolean {
  const words = text.match(WORD_REGEXP) ?? [];
  const bare = words.map((word) => word.replace(/"[^"]*"|'[^']*'|\\./g, ""));
  if (bare.some((word) => /[<>|;`]|\$\(|\$[a-z{]|&$/i.test(word))) return false;
  const plain = words.map((word) => word.replace(/["']|\\(?=["'\\])/g, ""));
  try {
    const tokens = [...listTokens(KNOWN, plain)];
    const urls = tokens.filter(({ flag }) => !flag || flag[1] === "url");
    const isSet = /\{.+,.+\}|\[\w+-\w+/;
    const uploads = tokens.filter(({ flag }) => flag?.[1] === "upload-file");
    return urls.length === 1 &&
      ![...urls, ...uploads].some((it) => isSet.test(it.text ?? it.arg)) &&
      !tokens.some(({ flag }) => flag && OUTPUTS.includes(flag[1]));
  } catch {
    return true;
  }
}

function same(wanted: string, got: string): boolean {
  const [match, ...words] = /%alternatives\[([^,]*),([^\]]*)\]/.exec(wanted) ??
    [];
  return match === undefined
    ? wanted === got
    : words.some((word) => same(wanted.replace(match, word), got));
}

/** Whether two files hold the same cookies, but for curl's cap of 400 days. */
function sameCookies(wanted: string, got: string): boolean {
  const [one, other] = [wanted, got].map((text) =>
    linesOf(text).filter((line) => line.includes("\t"))
      .map((line) => line.replace(/\n$/, "").split("\t"))
      .sort((a, b) => rank(a) < rank(b) ? -1 : 1)
  );
  if (one!.length !== other!.length) return false;
  return one!.every((fields, index) => {
    const [cap] = /\d+/.exec(/^%alt.*/.exec(fields[4] ?? "")?.[0] ?? "") ?? [];
    const isCapped = cap !== undefined && Number(other![index]![4]) >= +cap;
    const own = isCapped ? fields.with(4, other![index]![4]!) : fields;
    return own.join("\t") === other![index]!.join("\t");
  });
}

const rank = (fields: readonly string[]) => fields.toSpliced(4, 1).join("\t");

/** Plays tests, two at once. */
async function playAll(numbers: number[], suite: Suite): Promise<Result[]> {
  const rest = numbers.values();
  const results: Result[] = [];
  const work = async () => {
    for (const number of rest) results.push(await play(number, suite));
  };
  await Promise.all([work(), work()]);
  return results.sort((a, b) => a.number - b.number);
}

function report(results: readonly Result[], isWhole: boolean): void {
  const groups = Map.groupBy(results, ({ outcome }) => outcome);
  for (const [outcome, group] of groups) {
    console.log(`${group.length} ${outcome}`);
  }
  console.log(
    `passed: ${
      (groups.get("passed") ?? []).map(({ number }) => number).join(" ")
    }`,
  );
  for (const outcome of ["differs", "needs a flag"] as const) {
    const reasons = Map.groupBy(groups.get(outcome) ?? [], ({ why }) => why);
    for (const [why, group] of reasons) {
      console.log(
        `${outcome}: ${why}: ${group.map(({ number }) => number).join(" ")}`,
      );
    }
  }
  if (isWhole) return;
  for (const { number, differences } of results) {
    for (const [what, wanted, got] of differences) {
      console.log(
        `--- ${number} ${what}, wanted:\n${wanted}\n--- got:\n${got}`,
      );
    }
  }
}

const [given = "", ...only] = Deno.args;
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
