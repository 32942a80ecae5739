/** Why a process of the service cannot start, said so that its operator can act: no stack tells more. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
