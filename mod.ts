export * from "./url/mod.ts";
