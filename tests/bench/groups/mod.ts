// All groups of the benchmark.

import type { Group } from "../_lab.ts";
import { client } from "./client.ts";
import { conditions } from "./conditions.ts";
import { handler } from "./handler.ts";
import { largeFile } from "./large_file.ts";
import { manyFiles } from "./many_files.ts";
import { parsers } from "./parsers.ts";
import { smallFiles } from "./small_files.ts";
import { startTime } from "./start_time.ts";
import { underLoad } from "./under_load.ts";
import { workers } from "./workers.ts";

/** The groups in the order of their numbers. */
export const GROUPS: readonly Group[] = [
  smallFiles,
  largeFile,
  manyFiles,
  conditions,
  handler,
  underLoad,
  startTime,
  client,
  parsers,
  workers,
];
