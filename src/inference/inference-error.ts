/** Why an inference gave no answer. `busy` and `lost` may be asked again. */
export class InferenceError extends Error {
  override readonly name = 'InferenceError';

  constructor(
    readonly code: string,
    readonly fault: 'user' | 'data' | 'infrastructure' | 'busy' | 'lost',
    message: string,
  ) {
    super(message);
  }
}
