// What went wrong is the caller's to mend: its message is all that they need.

/** Exit code 1. */
export class CommandFailed extends Error {
  readonly code = 'COMMAND_FAILED';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailed';
  }
}
