/**
 * Prints the flag that maps `@std` to the stand-ins of this folder where the
 * real packages cannot be had, and nothing where they can. It names the map by
 * its URL, which holds no space and is right in any folder.
 *
 * @module
 */

// A name that is not spelt out in the import is resolved only when it runs.
const PROBE = "@std/cli/parse-args";

/** Some networks drop packets instead of refusing them. */
const PATIENCE_MS = 2_000;

const reached = await Promise.race([
  import(PROBE).then(() => true, () => false),
  new Promise<boolean>((done) => setTimeout(done, PATIENCE_MS, false)),
]);

if (!reached) {
  console.log(`--import-map=${import.meta.resolve("./import_map.json")}`);
}
Deno.exit(0);
