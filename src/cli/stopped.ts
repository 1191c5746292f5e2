// Commands that go on until somebody stops them.

/** Aborted at the first SIGINT (Ctrl+C) or SIGTERM. */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  return stopping.signal;
}
