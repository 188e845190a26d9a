// Compares this project with others; `deno task bench --help` explains how.

import { GROUPS } from "./groups/mod.ts";
import { Lab } from "./_lab.ts";
import { findGenerators } from "./_load.ts";
import { describeRun } from "./_machine.ts";
import { OURS, type Result } from "./_measure.ts";
import { type Options, readOptions, USAGE } from "./_options.ts";
import { plotOf } from "./_plot.ts";
import { killAll, stepAside } from "./_process.ts";
import { missedTargets, tableOf } from "./_table.ts";

/** The exit code that shells give for Ctrl-C. */
const INTERRUPTED = 130;

/** Checks what is needed, and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const options = tryReadOptions(args);
  if (options === null) return 2;
  const { wrk, ab } = await findGenerators();
  if (Deno.build.os !== "linux" || wrk === null || ab === null) {
    console.error("Cannot measure: this needs Linux, wrk and ab");
    return 1;
  }
  const scratch = await Deno.makeTempDir({ prefix: "bench-" });
  let isInterrupted = false;
  Deno.addSignalListener("SIGINT", async () => {
    isInterrupted = true;
    await cleanUp(scratch);
    Deno.exit(INTERRUPTED);
  });
  try {
    return await measure(options, scratch);
  } catch (error) {
    if (isInterrupted) return INTERRUPTED; // the killed processes have failed
    throw error;
  } finally {
    await cleanUp(scratch);
  }
}

/** Ends all processes, and removes all files. */
async function cleanUp(scratch: string): Promise<void> {
  killAll();
  for (let tries = 10;; tries--) {
    try {
      return await Deno.remove(scratch, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (tries === 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100)); // a killed process may still write
  }
}

/** Runs the requested groups, and prints their tables. */
async function measure(options: Options, scratch: string): Promise<number> {
  await stepAside();
  const lab = await Lab.open(options, scratch, (result) => {
    console.log(tableOf(result));
  });
  const description = await describeRun(lab);
  console.log(description);
  for (const group of GROUPS) {
    if (!options.groups.includes(group.number)) continue;
    console.log(`## (${group.number}) ${group.title}\n`);
    await group.run(lab);
  }
  if (options.isSaved) await save(lab, description);
  for (const line of missedTargets(lab.results)) {
    console.error(`Missed: ${line}`);
  }
  return lab.results.some(isOursVoid) ? 1 : 0;
}

function tryReadOptions(args: readonly string[]): Options | null {
  try {
    return readOptions(args, GROUPS.map(({ number }) => number));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return null;
  }
}

function isOursVoid({ rows }: Result): boolean {
  return rows.some(({ name, problem }) => name === OURS && problem !== null);
}

/** Writes the tables and the picture next to this file. */
async function save({ results }: Lab, description: string): Promise<void> {
  const [table, plot] = ["results.md", "results.svg"]
    .map((name) => `${import.meta.dirname}/${name}`);
  const text =
    `# Benchmarks\n\nWritten by \`deno task bench\`.\n\n${description}
${results.map(tableOf).join("\n")}`;
  await Deno.writeTextFile(table!, text);
  await Deno.writeTextFile(plot!, plotOf(results));
  const args = ["fmt", "--quiet", table!, plot!];
  await new Deno.Command(Deno.execPath(), { args }).output();
}

Deno.exit(await main(Deno.args));
