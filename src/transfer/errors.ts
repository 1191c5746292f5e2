// Why an organization cannot be exported, or a file not be imported.

/** For people: what is wrong, and what to do about it. Nothing was sent for it. */
export class TransferRefused extends Error {
  readonly code = 'TRANSFER_REFUSED';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransferRefused';
  }
}
