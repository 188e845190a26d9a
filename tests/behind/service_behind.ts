// Runs the commands of the systemd unit and the Containerfile, with the
// permissions that these files give.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findProgram, freePorts } from "../interop/_servers.ts";
import { until } from "./_load.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const IMPORTS = { "@std/cli/parse-args": "" };

async function readBeside(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(name, import.meta.url));
}

/** Runs the command of a service on a free port, and fetches a file. */
async function runCommand(command: readonly string[], port: string) {
  const root = await Deno.makeTempDir({ prefix: "behind-" });
  await Deno.writeTextFile(`${root}/health.txt`, "ok\n");
  const free = `${freePorts(1)[0]}`;
  const imports = Object.keys(IMPORTS).map((name) => [
    name,
    import.meta.resolve(name),
  ]);
  const map = JSON.stringify({ imports: Object.fromEntries(imports) });
  const args = command.slice(2).map((arg) =>
    arg.replaceAll(port, free).replaceAll("/srv/www", root)
      .replace("/opt/knock/", "")
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      `--import-map=data:application/json,${encodeURIComponent(map)}`,
      ...args,
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let text = "";
  const url = `http://127.0.0.1:${free}/health.txt`;
  await until(async () => {
    text = await fetch(url).then((one) => one.text()).catch(() => "");
    return text !== "";
  });
  child.kill("SIGTERM");
  const { code } = await child.status;
  await Deno.remove(root, { recursive: true });
  return { text, code, stderr: await stderr };
}

const EXPECTED = { text: "ok\n", code: 0, stderr: "" };

Deno.test("knock@.service starts a server with its permissions", async () => {
  const unit = await readBeside("knock@.service");
  const command = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
  assertEquals(command.slice(0, 2), ["/usr/local/bin/deno", "run"]);
  assertEquals(await runCommand(command, "%i"), EXPECTED);
});

Deno.test("Containerfile starts a server with its permissions", async () => {
  const text = await readBeside("Containerfile");
  const command = /^CMD (\[.*\])$/m.exec(text)?.[1] ?? "[]";
  assertEquals(await runCommand(JSON.parse(command), "8000"), EXPECTED);
});

const ANALYZE = "systemd-analyze";
const isMissing = findProgram(ANALYZE) === null;

Deno.test({
  name: "systemd accepts knock@.service, and rates it as safe" +
    (isMissing ? " (skipped: needs systemd)" : ""),
  ignore: isMissing,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "behind-" });
    const unit = await readBeside("knock@.service");
    const path = `${folder}/knock@8001.service`;
    await Deno.writeTextFile(
      path,
      unit.replace("/usr/local/bin/deno", Deno.execPath()),
    );
    const analyze = async (...args: string[]) => {
      const command = new Deno.Command(ANALYZE, { args: [...args, path] });
      const { stdout, stderr } = await command.output();
      return new TextDecoder().decode(new Uint8Array([...stdout, ...stderr]));
    };
    assertEquals(await analyze("verify"), "");
    const report = await analyze("security", "--offline=true", "--no-pager");
    await Deno.remove(folder, { recursive: true });
    assertStringIncludes(report, "Overall exposure level");
    const level = /exposure level .*?: (\d\.\d)/.exec(report)?.[1] ?? "10";
    assert(Number(level) < 2, report);
  },
});
