// Why an organization cannot be exported, or a file not be imported.

type Wrong = 'file' | 'log';

/** For people: what is wrong, and what to do about it. Nothing was sent for it. */
export class TransferRefused extends Error {
  readonly code = 'TRANSFER_REFUSED';
  /** What is wrong: the file, which will never do, or what is there already, or happening. */
  readonly with: Wrong;
  constructor(message: string, { with: wrong = 'file', ...options }: ErrorOptions & { with?: Wrong } = {}) {
    super(message, options);
    this.name = 'TransferRefused';
    this.with = wrong;
  }
}
