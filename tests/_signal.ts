// An abort signal that counts its listeners.

/** Makes a signal that never aborts, and counts its listeners. */
export function countListeners(): {
  readonly signal: AbortSignal;
  readonly count: () => number;
} {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  return { signal, count: () => listeners };
}
