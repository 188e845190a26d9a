import { assertEquals } from "@std/assert";
import {
  type FileStat,
  type FileVersion,
  isRetouched,
} from "../../server/_files/file_stat.ts";

const STAT: FileStat = {
  size: 3,
  modified: 5_000,
  changed: 5_000,
  dev: 1,
  ino: 1,
  isSettled: true,
};

/** A version that differs from the usual one in these stat results. */
function version(
  changes: Partial<FileStat>,
  text: string | null = null,
): FileVersion {
  const bytes = text === null ? null : new TextEncoder().encode(text);
  return { stat: { ...STAT, ...changes }, bytes };
}

/** Whether a file of these two versions was retouched between them. */
const CASES: readonly (readonly [
  name: string,
  old: FileVersion,
  current: FileVersion,
  expected: boolean,
])[] = [
  ["nothing has changed", version({}), version({}), false],
  [
    "size and time are new",
    version({}),
    version({
      size: 4,
      modified: 9_000,
      changed: 9_000,
    }),
    false,
  ],
  ["the size is new", version({}), version({ size: 4, changed: 9_000 }), false],
  ["the time is new", version({}), version({ modified: 9_000 }), false],
  ["only ctime tells", version({}), version({ changed: 9_000 }), true],
  ["only its number tells", version({}), version({ ino: 2 }), true],
  ["only its device tells", version({}), version({ dev: 2 }), true],
  ["set back long after", version({}), version({ modified: 4_000 }), false],
  [
    "set back in the same second",
    version({ isSettled: false }),
    version({ modified: 4_000 }),
    true,
  ],
  [
    "another size in the same second, with the old time",
    version({ isSettled: false }),
    version({ size: 4 }),
    true,
  ],
  [
    "another size in the same second, with a new time",
    version({ isSettled: false }),
    version({ size: 4, modified: 5_001 }),
    false,
  ],
  [
    "all alike in the same second, with other bytes",
    version({ isSettled: false }, "abc"),
    version({ isSettled: false }, "abd"),
    true,
  ],
  [
    "all alike in the same second, with the same bytes",
    version({ isSettled: false }, "abc"),
    version({ isSettled: false }, "abc"),
    false,
  ],
  [
    "all alike in the same second, without the old bytes",
    version({ isSettled: false }),
    version({ isSettled: false }, "abc"),
    true,
  ],
  [
    "all alike, settled, without the old bytes",
    version({}),
    version({}, "abc"),
    false,
  ],
  [
    "all alike in the same second, too large to compare",
    version({ isSettled: false }),
    version({ isSettled: false }),
    false,
  ],
];

for (const [name, old, current, expected] of CASES) {
  Deno.test(`isRetouched() is ${expected} if ${name}`, () => {
    assertEquals(isRetouched(old, current), expected);
  });
}
