import { Type } from 'typebox';

/** The forms in which a trained network can leave, beside those that every model has. */
export const EXPORTS = ['onnx', 'onnxWithPreprocessing'] as const;

/** What is written of the trained network. */
export const exportFields = {
  exports: Type.Array(Type.Enum([...EXPORTS]), {
    default: ['onnx'],
    uniqueItems: true,
    description:
      'Further forms of the trained network, each published only when it gives the same embeddings in its own runtime: ' +
      '`onnx` takes normalised float32 [n, 3, size, size], `onnxWithPreprocessing` the bytes of RGB images, uint8 [n, size, size, 3].',
  }),
};
