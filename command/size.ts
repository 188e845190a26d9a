const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Writes a number of bytes for people, with three digits: `1.23 GB`. */
export function writeSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
