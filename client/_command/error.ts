/**
 * The command cannot go on; the message is for the user, the exit code is
 * curl's.
 */
export class CommandError extends Error {
  /** The name of this class of errors. */
  override readonly name = "CommandError";
  /** With what the command ends. */
  readonly exitCode: number;

  /**
   * Makes an error; an empty message ends the command without a word.
   *
   * @param exitCode curl's code for it.
   * @param message What was tried, the quoted value, and its state.
   */
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
