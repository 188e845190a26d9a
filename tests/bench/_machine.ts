// Describes the machine and programs of a run, without which figures mean
// nothing.

import { findGenerators } from "./_load.ts";
import type { Lab } from "./_lab.ts";
import { isPinned, versionOf } from "./_process.ts";

/** Describes the machine, the programs, and the method, as Markdown. */
export async function describeRun(lab: Lab): Promise<string> {
  const { rounds, seconds, groups } = lab.options;
  const generators = await findGenerators();
  const node = await versionOf(["node", "-v"]);
  const programs = [
    ...lab.peers.found.map(({ version }) => version),
    ...(node === null ? [] : [`Node ${node}`]),
    generators.wrk ?? "wrk: missing",
    generators.ab ?? "ab: missing",
  ];
  const load = Deno.loadavg()[0]!.toFixed(2);
  const missing = lab.peers.missing.map(({ name, reason }) =>
    `- Missing: ${name} (${reason})\n`
  );
  return `- Machine: ${machine()}
- Programs: ${programs.join("; ")}
${missing.join("")}- Measured: groups ${
    groups.join(", ")
  }; ${rounds} rounds of ${seconds} s, ${
    isPinned
      ? "what is measured on one core and the load on another"
      : "without cores of their own for servers and load"
  }
- Load before the run: ${load} (other work on the machine changes the figures)
- Each figure is the median of the rounds, in which all took turns; "ours ÷ it" is the median of the ratios within the
  rounds. Compare only figures within one table.
`;
}

function machine(): string {
  const info = Deno.readTextFileSync("/proc/cpuinfo");
  const model = /^model name\s*:\s*(.*)$/m.exec(info)?.[1] ?? "unknown";
  const memory = /^MemTotal:\s+(\d+)/m.exec(
    Deno.readTextFileSync("/proc/meminfo"),
  )?.[1];
  const gigabytes = Math.round(Number(memory) / 1024 ** 2);
  return `${navigator.hardwareConcurrency} cores (${model}), ${gigabytes} GB, Linux ${Deno.osRelease()}, ${Deno.build.arch}`;
}
