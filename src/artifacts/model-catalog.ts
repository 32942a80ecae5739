import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactsOf, type Manifest, readManifest } from './manifest.js';

const CONFIG_FILE = 'config.json';
/** Manifests that are read at a time. */
const READ_AHEAD = 16;

/** A model as its folder says it is. */
export type PublishedModel = {
  readonly id: string;
  readonly manifest: Manifest;
  /** Its config.json: backbone, sizes, and the training's request with every default filled in. */
  readonly config: Readonly<Record<string, unknown>>;
};

type Entry = { readonly manifest: Manifest; readonly config: Readonly<Record<string, unknown>> };

/**
 * The published models and evaluations, read from the artifact folder, which is the one truth about them. A published
 * folder never changes, so that each manifest is read once.
 */
export class ModelCatalog {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly artifactsDir: string) {}

  /** The model with this id; null where none is published. */
  async get(id: string): Promise<PublishedModel | null> {
    const manifest = await readManifest(this.artifactsDir, id);
    if (manifest?.kind !== 'train') {
      this.entries.delete(id);
      return null;
    }
    const known = this.entries.get(id);
    const entry = known ?? { manifest, config: await this.readConfig(id) };
    this.entries.set(id, entry);
    return { id, ...entry };
  }

  /** Models, newest first, those after the cursor: ids are UUIDs of version 7, whose order as text is that in time. */
  async *newestFirst(after?: string): AsyncGenerator<PublishedModel> {
    for await (const { manifest, config } of this.each((id) => after === undefined || id < after)) {
      if (manifest.kind === 'train') yield { id: manifest.jobId, manifest, config };
    }
  }

  /** Manifests of the evaluations of a model, newest first. */
  async evaluationsOf(id: string): Promise<Manifest[]> {
    const found: Manifest[] = [];
    // An evaluation is younger than its model.
    for await (const { manifest } of this.each((other) => other > id)) {
      if (manifest.kind === 'evaluate' && manifest.result.model === id) found.push(manifest);
    }
    return found;
  }

  private async *each(isWanted: (id: string) => boolean): AsyncGenerator<Entry> {
    const names = await readdir(this.artifactsDir).catch(toNone);
    const there = new Set(names);
    for (const id of this.entries.keys()) if (!there.has(id)) this.entries.delete(id);
    const wanted = names
      .filter((name) => !name.startsWith('.') && isWanted(name))
      .sort()
      .reverse();
    for (let start = 0; start < wanted.length; start += READ_AHEAD) {
      const page = wanted.slice(start, start + READ_AHEAD);
      for (const entry of await Promise.all(page.map((id) => this.read(id)))) if (entry) yield entry;
    }
  }

  private async read(id: string): Promise<Entry | null> {
    const known = this.entries.get(id);
    if (known !== undefined) return known;
    const manifest = await readManifest(this.artifactsDir, id);
    if (manifest === null) return null;
    const entry = { manifest, config: manifest.kind === 'train' ? await this.readConfig(id) : {} };
    this.entries.set(id, entry);
    return entry;
  }

  /** A damaged file leaves the model listed, so that it can be checked and deleted. */
  private async readConfig(id: string): Promise<Entry['config']> {
    try {
      return JSON.parse(await readFile(join(artifactsOf(this.artifactsDir, id), CONFIG_FILE), 'utf8'));
    } catch {
      return {};
    }
  }
}

/** Before the first job there is no folder. */
function toNone(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
