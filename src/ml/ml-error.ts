/** Whose fault a failure is. `data`: the dataset; `user`: the request; `infrastructure`: machine, disk, engine. */
export type Fault = 'user' | 'data' | 'infrastructure';

/** A failure that a user can act on: it says what was expected and what was found. */
export class MlError extends Error {
  override readonly name = 'MlError';

  constructor(
    readonly code: string,
    readonly fault: Fault,
    message: string,
    readonly retryable = false,
  ) {
    super(message);
  }
}
