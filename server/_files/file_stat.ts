// Tells versions of a file apart by its stat results, and by its bytes where
// these are not enough.

/**
 * The stat results that tell whether a file has changed. There are only these,
 * because they are kept for each file in the cache.
 */
export interface FileStat {
  /** The size in bytes. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970; 0 if unknown. */
  readonly modified: number;
  /**
   * When anything about it last changed (ctime), in milliseconds, but to the
   * second. A write that leaves size and time as they were shows only here.
   */
  readonly changed: number;
  /** The number of its device, and its own number on that device. */
  readonly dev: number;
  readonly ino: number | null;
  /**
   * Whether a change right after this look would show in the time of the file.
   * Some systems count whole seconds.
   */
  readonly isSettled: boolean;
}

/** How long after a change another one may leave the time as it was. */
const UNSETTLED_MS = 2_000;

/** Picks the stat results that tell versions of a file apart. */
export function statOf(info: Deno.FileInfo): FileStat {
  const { size, mtime, ctime, dev, ino } = info;
  const modified = mtime?.getTime() ?? 0;
  const changed = ctime?.getTime() ?? 0;
  const isSettled = Math.max(modified, changed) <= Date.now() - UNSETTLED_MS;
  return { size, modified, changed, dev, ino, isSettled };
}

/**
 * Whether the time of a file was just set back: another change in the same
 * second might not show.
 */
export function isSetBack({ isSettled, modified, changed }: FileStat): boolean {
  return !isSettled && modified < changed;
}

/** Whether two stat results are those of the same version of a file. */
export function isSameStat(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.modified === b.modified &&
    a.changed === b.changed && a.ino === b.ino && a.dev === b.dev;
}

/** A version of a file: its stat results, and its bytes; null if not held. */
export interface FileVersion {
  readonly stat: FileStat;
  readonly bytes: Uint8Array | null;
}

/**
 * Whether a file has changed but may have the size and time of an old version
 * (`cp -p`, builds with a fixed time), so that these do not tell them apart.
 */
export function isRetouched(old: FileVersion, current: FileVersion): boolean {
  const isAlike = old.stat.size === current.stat.size &&
    old.stat.modified === current.stat.modified;
  // An even older version may have had this time, in the same second
  const mayRecur = !old.stat.isSettled &&
    current.stat.modified <= old.stat.modified;
  return (isAlike || mayRecur) && isChanged(old, current);
}

function isChanged(old: FileVersion, { stat, bytes }: FileVersion): boolean {
  if (!isSameStat(old.stat, stat)) return true;
  if (bytes === null) return false;
  // Bytes that are not held cannot be compared, so they may differ
  if (old.bytes === null) return !stat.isSettled;
  return bytes.some((byte, index) => byte !== old.bytes?.[index]);
}
