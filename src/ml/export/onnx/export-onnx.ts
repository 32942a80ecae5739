import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { foldBatchNorm } from '../fold-batch-norm.js';
import type { Preprocessing } from '../model-files.js';
import { readNetworkGraph } from '../read-network-graph.js';
import { checkOnnxParity, type Parity, type ParityBatch } from './onnx-parity.js';
import { toOnnx } from './to-onnx.js';

/** The forms in which a network can leave as ONNX, by the file that each is written to. */
export const ONNX_FILES = {
  onnx: 'model.onnx',
  onnxWithPreprocessing: 'model-with-preprocessing.onnx',
} as const;
export type OnnxForm = keyof typeof ONNX_FILES;

export type OnnxExport = Parity & { readonly form: OnnxForm; readonly file: string };

/**
 * Writes a model's backbone as ONNX beside its other files, each form only once it has given the same embeddings in
 * onnxruntime.
 * @param dir holds the files that `writeModel` wrote
 * @throws MlError `export_mismatch`; nothing is left of the form that failed
 */
export async function exportOnnx(
  dir: string,
  forms: readonly OnnxForm[],
  {
    batches,
    preprocessing,
  }: { readonly batches: readonly ParityBatch[]; readonly preprocessing: Preprocessing },
): Promise<OnnxExport[]> {
  if (forms.length === 0) return [];
  const graph = foldBatchNorm(await readNetworkGraph(dir));
  const exports: OnnxExport[] = [];
  for (const form of forms) {
    const withPreprocessing = form === 'onnxWithPreprocessing';
    const { colour, mean, divisor } = preprocessing;
    const metadata = { colour, mean: String(mean), divisor: String(divisor) };
    const model = toOnnx(graph, withPreprocessing ? { preprocessing, metadata } : { metadata });
    const parity = await checkOnnxParity(model, batches, withPreprocessing);
    await writeFile(join(dir, ONNX_FILES[form]), model);
    exports.push({ form, file: ONNX_FILES[form], ...parity });
  }
  return exports;
}
