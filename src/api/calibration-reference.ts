import { readManifest } from '../artifacts/manifest.js';
import type { ApiContext } from './api-context.js';
import { maySeeArtifacts } from './find-job.js';
import type { Caller } from './keys/caller.js';
import { fieldProblem } from './problem.js';

const EXPECTED = 'the id of an evaluation with the protocol "calibration" that has succeeded';
/** The file that such an evaluation publishes. */
const CALIBRATION_FILE = 'calibration.json';

/** Refuses a job that has published no calibration. @throws Problem 400 */
export async function assertCalibration(
  { artifactsDir }: ApiContext,
  caller: Caller,
  id: string | undefined,
): Promise<void> {
  if (id === undefined) return;
  const manifest = await readManifest(artifactsDir, id);
  const isHidden = manifest !== null && !maySeeArtifacts(caller, manifest);
  if (manifest === null || isHidden)
    throw fieldProblem('calibratedBy', EXPECTED, `"${id}", which has published nothing`);
  if (manifest.files.some(({ name }) => name === CALIBRATION_FILE)) return;
  throw fieldProblem('calibratedBy', EXPECTED, `"${id}", which has published no calibration`);
}
