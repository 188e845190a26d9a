export type { Options } from "./options.ts";
