// The figures that several groups share.

import type { Figure } from "../_measure.ts";

/** Requests per second. */
export const RATE: Figure = {
  key: "rate",
  title: "requests/s",
  better: "more",
  digits: 0,
};

/** CPU time per request: noise changes it less than the rate. */
export const CPU: Figure = {
  key: "cpu",
  title: "server CPU µs/request",
  better: "less",
  digits: 1,
};

/** How much of its core the server used; below 100, the load was the limit. */
export const BUSY: Figure = {
  key: "busy",
  title: "core used %",
  better: null,
  digits: 0,
};
