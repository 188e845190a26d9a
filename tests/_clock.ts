// A clock that tests set, so that they need not wait.

/** The clock while a test holds it. */
export interface TestClock {
  /** Lets time pass at once: what waits for it notices at its next tick. */
  pass(milliseconds: number): void;
  /** Waits for others, in real time. */
  turn(milliseconds?: number): Promise<void>;
}

/**
 * Runs a test with a clock of its own in place of `performance.now()` and
 * `Date.now()`.
 */
export async function withClock(
  test: (clock: TestClock) => Promise<void>,
): Promise<void> {
  const now = performance.now.bind(performance);
  const dateNow = Date.now;
  let ahead = 0;
  performance.now = () => now() + ahead;
  Date.now = () => dateNow() + ahead;
  try {
    await test({
      pass: (milliseconds) => ahead += milliseconds,
      turn: (milliseconds = 5) =>
        new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
  } finally {
    performance.now = now;
    Date.now = dateNow;
  }
}
