// Measures in rounds, each contestant once per round, and then computes the
// medians, and our ratio to each contestant within the rounds.

/** The name of our contestant; all others are its peers. */
export const OURS = "Knock";

/** The figures of one measurement; unknown ones are missing. */
export type Sample = Readonly<Record<string, number>>;

/** A program that is measured. */
export interface Contestant {
  readonly name: string;
  /**
   * Measures once.
   *
   * @throws {Fault} If the measurement does not count.
   */
  measure(): Promise<Sample>;
}

/** A measurement that does not count, with the reason. */
export class Fault extends Error {
  /** The name of this class of errors. */
  override readonly name = "Fault";
}

/** One of the figures of a sample. */
export interface Figure {
  /** Its name in samples. */
  readonly key: string;
  /** Its name and unit for readers. */
  readonly title: string;
  /**
   * Whether more of it is better, or less; null if neither, and then it is not
   * compared.
   */
  readonly better: "more" | "less" | null;
  /** How many decimals to show. */
  readonly digits: number;
}

/** A goal: the ratio of our figure to that of a peer. */
export interface Target {
  readonly key: string;
  readonly peer: string;
  readonly ratio: number;
}

/** A peer that cannot be measured, and why. */
export interface Missing {
  readonly name: string;
  readonly reason: string;
}

/** A comparison to make. */
export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly contestants: readonly Contestant[];
  readonly missing?: readonly Missing[];
  readonly targets?: readonly Target[];
  /** A note for readers. */
  readonly note?: string;
  /** The figure to draw. */
  readonly plot?: string;
}

/** A figure after all rounds. */
export interface Cell {
  readonly median: number;
  /** Ours divided by this one: the median over the rounds. */
  readonly ratio: number | null;
}

/** A contestant after all rounds. */
export interface Row {
  readonly name: string;
  readonly cells: Readonly<Record<string, Cell>>;
  /** Why there are no figures. */
  readonly problem: string | null;
}

/** A comparison with its results. */
export interface Result extends Section {
  readonly rows: readonly Row[];
}

/** Measures all contestants in turn, round after round. */
export async function compare(
  section: Section,
  rounds: number,
): Promise<Result> {
  const samples = new Map<Contestant, Sample[]>();
  const faults = new Map<Contestant, string>();
  for (const contestant of section.contestants) samples.set(contestant, []);
  for (let round = 0; round < rounds; round++) {
    // In alternating order, so that nobody always follows the same contestant
    const order = [...section.contestants];
    if (round % 2 === 1) order.reverse();
    for (const contestant of order) {
      if (faults.has(contestant)) continue;
      try {
        samples.get(contestant)!.push(await contestant.measure());
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        faults.set(contestant, error.message);
      }
    }
  }
  return { ...section, rows: summarize(section, samples, faults) };
}

function summarize(
  section: Section,
  samples: ReadonlyMap<Contestant, readonly Sample[]>,
  faults: ReadonlyMap<Contestant, string>,
): Row[] {
  const ours = section.contestants.find(({ name }) => name === OURS);
  const own = ours === undefined || faults.has(ours) ? [] : samples.get(ours)!;
  const rows = section.contestants.map((contestant): Row => {
    const { name } = contestant;
    const fault = faults.get(contestant);
    if (fault !== undefined) {
      return { name, cells: {}, problem: `VOID: ${fault}` };
    }
    const cells: Record<string, Cell> = {};
    for (const figure of section.figures) {
      const cell = cellOf(figure, samples.get(contestant)!, own);
      if (cell !== null) cells[figure.key] = cell;
    }
    return { name, cells, problem: null };
  });
  const absent = (section.missing ?? []).map(({ name, reason }): Row => (
    { name, cells: {}, problem: `MISSING: ${reason}` }
  ));
  return [...rows, ...absent];
}

function cellOf(
  { key, better }: Figure,
  samples: readonly Sample[],
  own: readonly Sample[],
): Cell | null {
  const values = samples.flatMap((sample) => sample[key] ?? []);
  if (values.length === 0) return null;
  const ratios = samples.flatMap((sample, round) => {
    const [value, ours] = [sample[key], own[round]?.[key]];
    return value === undefined || ours === undefined || value === 0
      ? []
      : ours / value;
  });
  return {
    median: median(values),
    ratio: better === null || ratios.length === 0 ? null : median(ratios),
  };
}

/** Returns the median. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[half]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Whether a target was reached; null if that is not known. */
export function isReached(target: Target, result: Result): boolean | null {
  const row = result.rows.find(({ name }) => name === target.peer);
  const ratio = row?.cells[target.key]?.ratio ?? null;
  if (ratio === null) return null;
  const figure = result.figures.find(({ key }) => key === target.key);
  return figure?.better === "less"
    ? ratio <= target.ratio
    : ratio >= target.ratio;
}
