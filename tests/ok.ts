/**
 * Runs everything that must hold before a commit, and prints each step:
 * `deno run -P=ok tests/ok.ts $(deno run -q offline/pick.ts)`. The argument,
 * the flag for an import map or nothing, is passed to every step.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import offline from "../offline/import_map.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);
const OFFLINE_CONFIG = "deno.offline.json";

/** The steps, as arguments of `deno`. */
function listSteps(flags: readonly string[], coverage: string): string[][] {
  const configFlag = flags.length > 0 ? [`--config=${OFFLINE_CONFIG}`] : [];
  return [
    ["fmt", "--check"],
    ["lint", ...configFlag],
    ["doc", "--lint", ...flags, ...Object.values(config.exports)],
    ["check", ...flags],
    [
      ...["test", "-P=test", "--doc", "--lock=deno.lock", ...flags],
      ...[`--coverage=${coverage}`, "--coverage-raw-data-only"],
    ],
    [
      "coverage",
      `--include=^${ROOT}(url|message|server|client|command)/`,
      coverage,
    ],
    ["publish", "--dry-run", "--allow-dirty", ...configFlag],
  ];
}

/** Runs one step and tells whether it succeeded. */
async function run(args: readonly string[]): Promise<boolean> {
  console.log(`\n== deno ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
  });
  return (await command.spawn().status).success;
}

/** `deno lint` and `deno publish` take import maps only as a configuration. */
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

const coverage = await Deno.makeTempDir({ prefix: "knock-coverage-" });
try {
  await writeOfflineConfig();
  for (const args of listSteps(Deno.args, coverage)) {
    if (args[0] === "coverage") await removeCutFiles(coverage);
    if (await run(args)) continue;
    console.error(`\nNot ok: deno ${args.join(" ")}`);
    Deno.exitCode = 1;
    break;
  }
} finally {
  await Deno.remove(coverage, { recursive: true });
  await Deno.remove(new URL(OFFLINE_CONFIG, ROOT));
}
if (Deno.exitCode === 0) console.log("\nAll ok");
