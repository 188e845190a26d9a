/**
 * Prints the flag that maps `@std` to the stand-ins in this folder if the real
 * packages cannot be fetched, and nothing if they can. The flag has the URL of
 * the map, which has no spaces and is right in any folder.
 *
 * @module
 */

// In a variable, so that it is resolved when the import runs, and not before
const PROBE = "@std/cli/parse-args";

/**
 * How long the probe may take, in milliseconds: some networks drop packets
 * instead of refusing connections.
 */
const PROBE_TIMEOUT = 2_000;

const reached = await Promise.race([
  import(PROBE).then(() => true, () => false),
  new Promise<boolean>((done) => setTimeout(done, PROBE_TIMEOUT, false)),
]);

if (!reached) {
  console.log(`--import-map=${import.meta.resolve("./import_map.json")}`);
}
Deno.exit(0);
