import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  compare,
  type Contestant,
  Fault,
  isReached,
  median,
  OURS,
  type Section,
} from "./_measure.ts";
import { readOptions } from "./_options.ts";
import { plotOf } from "./_plot.ts";
import { missedTargets, tableOf } from "./_table.ts";

/** Makes a contestant with these figures; it throws a fault for a null. */
function scripted(name: string, rates: readonly (number | null)[]): Contestant {
  const left = [...rates];
  return {
    name,
    measure() {
      const rate = left.shift();
      if (rate === undefined || rate === null) throw new Fault("3 read errors");
      return Promise.resolve({ rate });
    },
  };
}

function section(...contestants: Contestant[]): Section {
  return {
    title: "A title",
    figures: [{ key: "rate", title: "requests/s", better: "more", digits: 0 }],
    contestants,
    missing: [{ name: "absent", reason: "not installed" }],
    targets: [{ key: "rate", peer: "peer", ratio: 1 }],
    plot: "rate",
  };
}

Deno.test("median() returns the middle value, or the mean of the two in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
});

Deno.test("compare() returns the median of the ratios within the rounds", async () => {
  // Each round is twice as fast as the one before for both contestants, so the
  // ratio does not change
  const result = await compare(
    section(
      scripted(OURS, [100, 200, 400]),
      scripted("peer", [200, 400, 800]),
    ),
    3,
  );
  assertEquals(result.rows[1]?.cells.rate, { median: 400, ratio: 0.5 });
  assertEquals(isReached(result.targets![0]!, result), false);
  assertEquals(missedTargets([result]).length, 1);
});

Deno.test("compare() reverses the order in every second round", async () => {
  const order: string[] = [];
  const tracer = (name: string): Contestant => ({
    name,
    measure() {
      order.push(name);
      return Promise.resolve({ rate: 1 });
    },
  });
  await compare(section(tracer("a"), tracer("b")), 2);
  assertEquals(order.join(""), "abba");
});

Deno.test("compare() voids a row with a fault in any round", async () => {
  const result = await compare(
    section(scripted(OURS, [1, 1]), scripted("peer", [1, null])),
    2,
  );
  assertEquals(result.rows[1], {
    name: "peer",
    cells: {},
    problem: "VOID: 3 read errors",
  });
  assertEquals(isReached(result.targets![0]!, result), null);
});

Deno.test("compare() rejects with errors that are not a contestant's fault", async () => {
  const broken = {
    name: OURS,
    measure: () => Promise.reject(new RangeError("a mistake")),
  };
  const error = await compare(section(broken), 1).catch((error) => error);
  assertEquals(error.message, "a mistake");
});

Deno.test("tableOf() lists missing peers, and which targets were reached", async () => {
  const result = await compare(
    section(scripted(OURS, [12_000]), scripted("peer", [10_000])),
    1,
  );
  const table = tableOf(result);
  assertStringIncludes(table, `| **${OURS}** | 12,000 |  |`);
  assertStringIncludes(table, "| peer | 10,000 | 1.20 (≥ 1: reached) |");
  assertStringIncludes(table, "| absent | MISSING: not installed |");
});

Deno.test("plotOf() draws the longest bar on top, and no bar for a missing peer", async () => {
  const result = await compare(
    section(scripted(OURS, [5]), scripted("a <peer>", [10])),
    1,
  );
  const plot = plotOf([result]);
  assertEquals(
    [...plot.matchAll(/width="([\d.]+)" height="16"/g)].map(([, w]) => w),
    [
      "200.0",
      "100.0",
    ],
  );
  assertStringIncludes(plot, "a &lt;peer>");
});

Deno.test("readOptions() saves a whole run by default, and part of one only with --save", () => {
  assertEquals(readOptions([], [1, 2]).isSaved, true);
  assertEquals(readOptions(["2"], [1, 2]).isSaved, false);
  assertEquals(readOptions(["2", "--save"], [1, 2]).groups, [2]);
});

Deno.test("readOptions() refuses invalid arguments", () => {
  for (
    const args of [["3"], ["--rounds", "0"], ["--rounds", "x"], ["--fast"]]
  ) {
    assertThrows(() => readOptions(args, [1, 2]), TypeError);
  }
});
