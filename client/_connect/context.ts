import { pause } from "../_retry.ts";
import { type Act, Deadline } from "./deadline.ts";
import type { RequestOptions } from "../options.ts";
import type { Timings } from "../response.ts";
import type { TraceEventBody } from "../trace.ts";

/** Default of {@linkcode ReachOptions.connectTimeout}. */
const CONNECT_TIMEOUT = 10_000;
/** Default of {@linkcode ReachOptions.idleTimeout}. */
const IDLE_TIMEOUT = 30_000;
/** Default of {@linkcode ClientOptions.timeout}: an hour. */
const TIMEOUT = 3_600_000;
/** Default of {@linkcode ClientOptions.maxHeadBytes}. */
const MAX_HEAD_BYTES = 65_536;

const PAUSE: Act = {
  text: "Cannot try again",
  step: "resolve",
  host: null,
  port: null,
};

/** Tells an event. */
export type Emit = (event: TraceEventBody) => void;

/** What all the steps of one request share. */
export class Context {
  readonly options: RequestOptions;
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  readonly maxHeadBytes: number;
  readonly deadline: Deadline;
  /** Undefined where nobody listens, so that telling costs nothing then. */
  readonly emit: Emit | undefined;
  readonly #started = performance.now();
  #clock = new Clock();

  constructor(options: RequestOptions) {
    checkNumbers(options);
    this.options = options;
    this.connectTimeout = options.connectTimeout ?? CONNECT_TIMEOUT;
    this.idleTimeout = options.idleTimeout ?? IDLE_TIMEOUT;
    this.maxHeadBytes = options.maxHeadBytes ?? MAX_HEAD_BYTES;
    this.deadline = new Deadline(options.timeout ?? TIMEOUT, options.signal);
    const { trace } = options;
    this.emit = trace &&
      ((event) => trace({ at: performance.now() - this.#started, ...event }));
  }

  /** The clock of the present exchange. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Waits before another attempt, within the time for the whole request. */
  async pause(delay: number): Promise<void> {
    const { deadline } = this;
    deadline.renew();
    deadline.start(Infinity, PAUSE);
    try {
      await pause(delay, deadline.signal);
    } finally {
      deadline.stop(PAUSE);
    }
  }

  /** Begins another exchange. */
  restartClock(): void {
    this.#clock = new Clock();
  }
}

const NUMBERS = [
  "connectTimeout",
  "idleTimeout",
  "timeout",
  "maxRedirects",
  "maxHeadBytes",
  "maxBodyBytes",
] as const;

/** A limit that is no number would be no limit. */
function checkNumbers(options: RequestOptions): void {
  for (const name of NUMBERS) {
    const value = options[name];
    if (value === undefined || value >= 0) continue;
    throw new RangeError(`Cannot use ${name} ${value}: not a number from 0`);
  }
}

/** Takes the time of each phase of an exchange. */
export class Clock implements Timings {
  readonly #started = performance.now();
  resolved: number | null = null;
  connected: number | null = null;
  secured: number | null = null;
  sent: number | null = null;
  answered: number | null = null;
  ended: number | null = null;

  /** Takes the time: a phase is over. */
  mark(phase: keyof Timings): void {
    this[phase] = performance.now() - this.#started;
  }
}
