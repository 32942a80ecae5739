import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { embedByBackbone, openEmbedFunction } from '../../../src/ml/evaluation/embed-function.js';
import { toMirrored } from '../../../src/ml/evaluation/embed-images.js';
import { readModel } from '../../../src/ml/export/read-model.js';
import { images, pixels, writeFreshModel } from '../export/fresh-model.js';

it('gives a published model the embeddings of its backbone, mirrored images included', async () => {
  const { tf } = loadTensorFlow();
  const dir = await mkdtemp(join(tmpdir(), 'arcqueue-embed-'));
  await writeFreshModel(dir, 'mobilefacenet');
  const { backbone } = await readModel(dir);
  const byBackbone = embedByBackbone(backbone);
  const opened = await openEmbedFunction(dir, backbone);
  const mirrored = toMirrored(pixels(), 2);
  expect(mirrored).toEqual(tf.tidy(() => tf.reverse(images(), 2).dataSync()));
  for (const batch of [pixels(), mirrored]) {
    const expected = await byBackbone(batch, 2);
    const found = await opened(batch, 2);
    const scale = Math.max(...expected.map(Math.abs));
    const errors = found.map((value, i) => Math.abs(value - (expected[i] as number)) / scale);
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  }
  await rm(dir, { recursive: true });
});

it('mirrors each row and keeps each pixel whole', () => {
  const two = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  expect([...toMirrored(two, 1)]).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
});
