/**
 * Checks everything that must pass before a commit, and prints each step:
 * `deno run -P=ok tests/ok.ts $(deno run -q offline/pick.ts)`. A flag for an
 * import map is passed to every step. After it, `sources` runs only the checks
 * of the source files, and `tests` only the tests, with those of the docs and
 * the coverage. `test` as the first argument runs plain tests: all, or those
 * that further arguments of `deno test` select.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import offline from "../offline/import_map.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);
const OFFLINE_CONFIG = "deno.offline.json";

/** Commands that run at the same time, each as arguments of `deno`. */
type Step = readonly (readonly string[])[];

/** Lists the checks of the source files. */
function listSourceSteps(flags: readonly string[]): Step[] {
  const configFlag = flags.length > 0 ? [`--config=${OFFLINE_CONFIG}`] : [];
  return [
    [["fmt", "--check"]],
    [["lint", ...configFlag]],
    [["doc", "--lint", ...flags, ...Object.values(config.exports)]],
    [["check", "--doc", ...flags]],
    [["publish", "--dry-run", "--allow-dirty", ...configFlag]],
  ];
}

/** `deno test`; {@linkcode listSourceSteps} checks the types of all tests. */
function testWith(flags: readonly string[]): readonly string[] {
  return ["test", "-P=test", "--lock=deno.lock", "--no-check", ...flags];
}

/** Splits the tests in parts to run at the same time: most wait for sockets. */
function listTestParts(): readonly (readonly string[])[] {
  const others = ["--ignore=tests/server,tests/client"];
  return [others, ...halves("tests/client"), ...halves("tests/server")];
}

function halves(folder: string): readonly (readonly string[])[] {
  const files = Array.from(
    Deno.readDirSync(new URL(folder, ROOT)),
    ({ name }) => `${folder}/${name}`,
  ).filter((path) => path.endsWith("_test.ts")).sort();
  return [0, 1].map((first) => files.filter((_, n) => n % 2 === first));
}

/** Lists the tests, those of the documentation, and the coverage of both. */
function listTestSteps(flags: readonly string[], coverage: string): Step[] {
  const test = testWith(flags)
    .concat(`--coverage=${coverage}`, "--coverage-raw-data-only");
  const folders = `^${ROOT}(url|message|server|client|command)/`;
  return [
    [
      ...listTestParts().map((part) => [...test, ...part]),
      [...test, "--doc", "--ignore=tests"],
    ],
    [["coverage", `--include=${folders}`, coverage]],
  ];
}

/**
 * Runs the commands of a step at the same time. The output of the first appears
 * as it comes, that of the others when they have ended.
 *
 * @returns Whether all succeeded.
 */
async function run(step: Step): Promise<boolean> {
  const [first, ...others] = step.map((args, index) => {
    return new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: ROOT,
      stdout: index === 0 ? "inherit" : "piped",
    }).spawn();
  });
  console.log(`\n== deno ${step[0]?.join(" ")}`);
  const outputs = others.map((process) => process.output());
  let isOk = (await first!.status).success;
  for (const [index, output] of outputs.entries()) {
    const { success, stdout } = await output;
    console.log(`\n== deno ${step[index + 1]?.join(" ")}`);
    await Deno.stdout.write(stdout);
    isOk &&= success;
  }
  return isOk;
}

/** `deno lint` and `deno publish` need the import map in a configuration. */
async function writeOfflineConfig(): Promise<void> {
  const imports = Object.entries(offline.imports).map(([name, target]) => [
    name,
    target.replace(/^\.\//, "./offline/"),
  ]);
  const offlineConfig = {
    ...config,
    imports: Object.fromEntries(imports),
    publish: { exclude: [".ci", "offline/pick.ts", "tests"] },
  };
  const text = JSON.stringify(offlineConfig, null, 2);
  await Deno.writeTextFile(new URL(OFFLINE_CONFIG, ROOT), `${text}\n`);
}

/**
 * Removes files that were cut off because a test ended their process while it
 * wrote them: `deno coverage` fails on half a file.
 */
async function removeCutFiles(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (!(await Deno.readTextFile(path)).trimEnd().endsWith("}")) {
      await Deno.remove(path);
    }
  }
}

/** Runs plain tests: all of them, or those that the arguments select. */
async function runTests(args: readonly string[]): Promise<void> {
  const isFlag = (text: string) => text.startsWith("--import-map");
  const parts = args.every(isFlag) ? listTestParts() : [[]];
  const isOk = await run(parts.map((part) => [...testWith(args), ...part]));
  Deno.exit(isOk ? 0 : 1);
}

if (Deno.args[0] === "test") await runTests(Deno.args.slice(1));
const flags = Deno.args.filter((text) => text.startsWith("-"));
const [part] = Deno.args.filter((text) => !text.startsWith("-"));
const coverage = await Deno.makeTempDir({ prefix: "knock-coverage-" });
const steps = [
  ...part === "tests" ? [] : listSourceSteps(flags),
  ...part === "sources" ? [] : listTestSteps(flags, coverage),
];
try {
  await writeOfflineConfig();
  for (const step of steps) {
    if (step[0]?.[0] === "coverage") await removeCutFiles(coverage);
    if (await run(step)) continue;
    console.error(`\nNot ok: deno ${step[0]?.join(" ")}`);
    Deno.exitCode = 1;
    break;
  }
} finally {
  await Deno.remove(coverage, { recursive: true });
  await Deno.remove(new URL(OFFLINE_CONFIG, ROOT));
}
if (Deno.exitCode === 0) console.log("\nAll ok");
