import type { ImageEntry } from '../data/image-entry.js';
import type { EmbeddingTable } from './embed-images.js';

/** Different images of several lists, each once, in the order in which they first come. */
export function uniqueImages(lists: readonly (readonly ImageEntry[])[]): ImageEntry[] {
  const byKey = new Map<string, ImageEntry>();
  for (const image of lists.flat()) {
    const key = keyOf(image);
    if (!byKey.has(key)) byKey.set(key, image);
  }
  return [...byKey.values()];
}

/** Embeddings of images that several protocols share. */
export class EmbeddingStore {
  private readonly rows: ReadonlyMap<string, number>;

  /** @param table of the images, in their order */
  constructor(
    images: readonly ImageEntry[],
    private readonly table: EmbeddingTable,
  ) {
    this.rows = new Map(images.map((image, row) => [keyOf(image), row]));
  }

  /** The embeddings of images in their order: a view where they lie one after another, else a copy. */
  of(images: readonly ImageEntry[]): EmbeddingTable {
    const { size, values } = this.table;
    const rows = images.map((image) => this.rows.get(keyOf(image)) as number);
    const [first = 0] = rows;
    if (rows.every((row, i) => row === first + i)) {
      const view = values.subarray(first * size, (first + rows.length) * size);
      return { values: view, size, count: rows.length };
    }
    const copy = new Float32Array(rows.length * size);
    for (const [to, row] of rows.entries())
      copy.set(values.subarray(row * size, (row + 1) * size), to * size);
    return { values: copy, size, count: rows.length };
  }
}

/** What an image's pixels come from; two datasets within one folder may give two images one name. */
function keyOf({ path, range, region }: ImageEntry): string {
  return `${path}\0${range?.offset ?? ''}\0${region === undefined ? '' : JSON.stringify(region)}`;
}
