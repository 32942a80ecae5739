import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { readModel } from '../../../src/ml/export/read-model.js';
import { relativeError } from '../finite-differences.js';
import { images, writeFreshModel } from './fresh-model.js';

const { tf } = loadTensorFlow();
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-model-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe.each(['mobilefacenet', 'mbf', 'iresnet18'] as const)('a written %s', (name) => {
  it('embeds alike when tfjs loads it as a layers model', async () => {
    const expected = await writeFreshModel(dir, name);
    const model = await tf.loadLayersModel(tf.io.fileSystem(join(dir, 'model.json')));
    const y = model.predict(images());
    expect(relativeError((Array.isArray(y) ? [] : y.dataSync()) as Float32Array, expected)).toBeLessThan(
      1e-4,
    );
  });

  it('embeds and predicts alike when it is read back', async () => {
    const expected = await writeFreshModel(dir, name);
    const model = await readModel(dir);
    expect(relativeError(model.backbone.forward(images(), false).dataSync(), expected)).toBeLessThan(1e-6);
    expect(model.classNames).toEqual(['a', 'b', 'c']);
  });
});

describe('a damaged model is refused with what was expected and found', () => {
  beforeEach(() => writeFreshModel(dir, 'mobilefacenet'));

  it('truncated weights', async () => {
    await truncate(join(dir, 'weights.bin'), 1000);
    await expect(readModel(dir)).rejects.toThrow(/expected \d+ bytes in weights.bin; found 1000/);
  });

  it('weights of another network, and it leaves no tensor', async () => {
    const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
    const wider = { ...config, embeddingSize: config.embeddingSize + 1 };
    await writeFile(join(dir, 'config.json'), JSON.stringify(wider));
    const before = tf.memory().numTensors;
    await expect(readModel(dir)).rejects.toMatchObject({ code: 'weights_mismatch' });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('a missing file', async () => {
    await rm(join(dir, 'head.json'));
    await expect(readModel(dir)).rejects.toThrow(/head.json/);
  });

  it('another format', async () => {
    const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
    await writeFile(join(dir, 'config.json'), JSON.stringify({ ...config, format: 'other/9' }));
    await expect(readModel(dir)).rejects.toThrow(/expected the format arcqueue-model\/1; found other\/9/);
  });
});
