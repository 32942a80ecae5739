import { expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { compareWithPytorch } from './pytorch-fixtures.js';

// Before anything else loads the engine: as on a GPU, every kernel of ours is replaced by its composed twin.
const { hasKernels } = loadTensorFlow({ kernels: false });

it('runs without our kernels', () => expect(hasKernels).toBe(false));

compareWithPytorch();
