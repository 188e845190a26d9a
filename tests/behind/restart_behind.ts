// One instance after the other is stopped with SIGTERM and started again while
// requests come, half of them POSTs: none of them may fail.

import { assert, assertEquals } from "@std/assert";
import { Load } from "./_load.ts";
import { testBehind } from "./_proxies.ts";

const LOOPS = 32;
const ROUNDS = 2;

testBehind("loses no request while instances are replaced", {
  args: null,
  async fn({ proxy, running, instances }) {
    await using load = new Load(running.url, LOOPS);
    const codes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const instance of instances) {
        await load.untilServed(instance.port);
        if (proxy.takeOut !== null) {
          await proxy.takeOut(running, instance);
          await load.untilSpared(instance.port);
        }
        codes.push(await instance.stop());
        await instance.start();
        await proxy.putBack?.(running, instance);
      }
    }
    await load.stop();
    console.log(
      `${proxy.name}: ${load.requests} requests, ${load.failures.length} ` +
        `failed, POSTs over ${load.connections.size} connections`,
    );
    assertEquals(load.failures.slice(0, 10), []);
    assertEquals(codes, [0, 0, 0, 0]);
    assert(load.requests > 100, `${load.requests} requests`);
    if (proxy.keepsConnections) {
      assert(load.connections.size < load.requests / 4);
    }
  },
});
