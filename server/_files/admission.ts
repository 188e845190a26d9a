// Decides which files a full cache takes in. Replacing files all the time takes
// longer than reading them. If more files are in use than fit, those that are
// held mostly stay.

/**
 * How many misses are refused for each mark that the hand of the clock clears.
 * An entry without a mark at the next round was therefore not used during twice
 * as many misses as there are files.
 */
const MISSES_PER_MARK = 2;
/** How long a round of the hand takes if misses are few, in milliseconds. */
const ROUND_TIME = 10_000;

/** Marks that the hand clears are paid for by misses, or by time. */
export class Admission {
  /** How many more misses are refused; below 0 is credit for time. */
  #debt = 0;

  /** Drops the debt of the last tick, and gives credit for its time. */
  startTick(elapsed: number, entries: number): void {
    const round = Math.min(elapsed / ROUND_TIME, 1);
    this.#debt = -round * entries * MISSES_PER_MARK;
  }

  /** Charges for a mark that the hand has cleared. */
  chargeMark(): void {
    this.#debt += MISSES_PER_MARK;
  }

  /** Lets a missed file replace others, or refuses it to pay off some debt. */
  admitMiss(): boolean {
    if (this.#debt <= 0) return true;
    this.#debt--;
    return false;
  }
}
