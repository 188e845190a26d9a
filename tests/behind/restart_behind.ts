// Restarts one instance after the other with SIGTERM, while clients send
// requests. No request may fail.

import { assert, assertEquals } from "@std/assert";
import { Load } from "./_load.ts";
import { type Scene, testBehind } from "./_proxies.ts";

const LOOPS = 32;
const ROUNDS = 2;

testBehind("loses no GET while file servers are restarted", {
  args: ["-q"],
  fn: async (scene) => void await restartAll(scene, { posts: false }),
});

testBehind("loses no POST while apps are replaced", {
  args: null,
  async fn(scene) {
    const { requests, connections } = await restartAll(scene, { posts: true });
    const isKept = connections.size < requests / 4;
    assertEquals(isKept, scene.proxy.keepsConnections);
  },
});

/** Restarts all instances in turn under load, and returns the load. */
async function restartAll(
  { proxy, running, instances }: Scene,
  { posts }: { readonly posts: boolean },
): Promise<Load> {
  await using load = new Load(running.url, { loops: LOOPS, posts });
  const codes: number[] = [];
  const { takeOut, putBack } = posts ? proxy : { takeOut: null, putBack: null };
  for (const { port } of instances) await load.untilUsed(port);
  for (const instance of Array(ROUNDS).fill(instances).flat()) {
    await takeOut?.(running, instance);
    if (takeOut !== null) await load.untilUnused(instance.port);
    codes.push(await instance.stop());
    await instance.start();
    await putBack?.(running, instance);
    await load.untilUsed(instance.port);
  }
  await load.stop();
  console.log(
    `${proxy.name}: ${load.requests} requests, ${load.failures.length} failed` +
      (posts ? `, POSTs over ${load.connections.size} connections` : ""),
  );
  assertEquals(load.failures.slice(0, 10), []);
  assertEquals(codes, codes.map(() => 0));
  assert(load.requests > 100, `${load.requests} requests`);
  return load;
}
