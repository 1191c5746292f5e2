// What the doctor finds: one line each, with how to mend it.

export const AREAS = [
  'configuration',
  'machine',
  'directory',
  'log',
  'read models',
  'rate limits',
  'server',
] as const;
export type Area = (typeof AREAS)[number];

export interface Check {
  area: Area;
  /** What was looked at; stable, for scripts. */
  name: string;
  /** `warning`: it works, and may not be what is meant. `problem`: it does not work, or is not safe. */
  state: 'ok' | 'warning' | 'problem';
  /** What is. Never a secret. */
  detail: string;
  /** How to mend it; null: there is nothing to mend. */
  mend: string | null;
}

/** Makes checks of one area. */
export function checksOf(area: Area) {
  return {
    ok: (name: string, detail: string): Check => ({ area, name, state: 'ok', detail, mend: null }),
    warning: (name: string, detail: string, mend: string): Check => ({
      ...{ area, name, detail, mend },
      state: 'warning',
    }),
    problem: (name: string, detail: string, mend: string): Check => ({
      ...{ area, name, detail, mend },
      state: 'problem',
    }),
  };
}

/** An error that a store or the system throws on purpose, as text; others, which are bugs, are thrown on. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    // Node's own complaints of how it was called begin with ERR_.
    if (!error.code.startsWith('ERR_')) return error.message;
  }
  throw error;
}
