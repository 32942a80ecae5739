import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Embedder } from '../ml/embedder/embedder.js';
import { MODEL_FILES } from '../ml/export/model-files.js';
import { preprocessingOf } from '../ml/export/preprocessing.js';
import { MlError } from '../ml/ml-error.js';

export type LoadedModel = { readonly dir: string; readonly embedder: Embedder };

/** Loaded models, the least recently used of which goes first. */
export class ModelCache {
  private readonly models = new Map<string, Promise<LoadedModel>>();

  constructor(
    private readonly kept: number,
    private readonly threads: number,
  ) {}

  /** @throws MlError `model_unreadable`, `engine_missing` */
  get(dir: string): Promise<LoadedModel> {
    const known = this.models.get(dir);
    const model = known ?? loadModel(dir, this.threads);
    // Set again, so that the order of the map is that of use.
    this.models.delete(dir);
    this.models.set(dir, model);
    if (known === undefined) model.catch(() => this.models.delete(dir));
    for (const oldest of this.models.keys()) {
      if (this.models.size <= this.kept) break;
      this.models.delete(oldest);
    }
    return model;
  }
}

async function loadModel(dir: string, threads: number): Promise<LoadedModel> {
  const embedder = await Embedder.open(dir, { threads }).catch((error: Error) => {
    throw error instanceof MlError ? error : unreadable(error.message);
  });
  const text = await readFile(join(dir, MODEL_FILES.preprocessing), 'utf8').catch((error: Error) => {
    throw unreadable(error.message);
  });
  const expected = JSON.stringify(preprocessingOf(embedder.imageSize));
  const found = JSON.stringify(JSON.parse(text));
  // The decoder does this and nothing else; another preparation would give embeddings that mean nothing.
  if (found !== expected) throw unreadable(`expected the preprocessing ${expected}; found ${found}`);
  return { dir, embedder };
}

function unreadable(detail: string): MlError {
  return new MlError('model_unreadable', 'infrastructure', `The model cannot be read: ${detail}.`);
}
