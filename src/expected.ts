// Which errors are told to whoever asked, and which are bugs.

/** Our own errors have a stable code in capitals, and so have those of the system (EADDRINUSE, ENOENT). */
export function isExpected(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[A-Z_]+$/.test(error.code) &&
    !error.code.startsWith('ERR_')
  );
}
