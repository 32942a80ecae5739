import type { Match } from './messages.js';

export type FaceRows = {
  readonly file: string;
  readonly identity: string;
  /** Unit embeddings, [images, size] row by row. */
  readonly embeddings: Float32Array;
};

/** The embeddings of a gallery in one block of memory. */
export class GalleryIndex {
  /** [images, size] */
  private readonly values: Float32Array;
  /** First row of each identity, and behind the last. */
  private readonly firstRow: Uint32Array;
  private readonly byFile: ReadonlyMap<string, number>;

  constructor(
    private readonly faces: readonly {
      readonly file: string;
      readonly identity: string;
      readonly embeddings: Float32Array;
    }[],
    private readonly size: number,
  ) {
    const rows = faces.reduce((sum, { embeddings }) => sum + embeddings.length / size, 0);
    this.values = new Float32Array(rows * size);
    this.firstRow = new Uint32Array(faces.length + 1);
    this.byFile = new Map(faces.map(({ file }, i) => [file, i]));
    let row = 0;
    this.faces = faces.map(({ file, identity, embeddings }, i) => {
      const start = row * size;
      this.values.set(embeddings, start);
      this.firstRow[i] = row;
      row += embeddings.length / size;
      // A view of the block: the rows are held once.
      return { file, identity, embeddings: this.values.subarray(start, start + embeddings.length) };
    });
    this.firstRow[faces.length] = row;
  }

  rowsOf(file: string): FaceRows | undefined {
    const at = this.byFile.get(file);
    return at === undefined ? undefined : this.faces[at];
  }

  /**
   * The identities nearest to an embedding, best first; an identity counts by its best image, and of equal ones the
   * first by name.
   * @param query unit embedding, [size]
   */
  search(query: Float32Array, count: number): Match[] {
    const scores = dotRows(this.values, query, this.size);
    const best: { at: number; cosine: number }[] = [];
    for (let at = 0; at < this.faces.length; at += 1) {
      let cosine = -Infinity;
      for (let row = this.firstRow[at] as number; row < (this.firstRow[at + 1] as number); row += 1)
        cosine = Math.max(cosine, scores[row] as number);
      if (best.length === count && cosine < (best.at(-1)?.cosine ?? -Infinity)) continue;
      best.push({ at, cosine });
      best.sort((a, b) => b.cosine - a.cosine || (this.nameOf(a.at) < this.nameOf(b.at) ? -1 : 1));
      if (best.length > count) best.pop();
    }
    return best.map(({ at, cosine }) => ({
      identity: this.nameOf(at),
      cosine: Math.min(1, Math.max(-1, cosine)),
    }));
  }

  private nameOf(at: number): string {
    return this.faces[at]?.identity ?? '';
  }
}

/** The dot product of each row with the query, four sums at a time, so that the processor need not wait for one addition. */
export function dotRows(values: Float32Array, query: Float32Array, size: number): Float64Array {
  const rows = values.length / size;
  const scores = new Float64Array(rows);
  const even = size - (size % 4);
  for (let row = 0, at = 0; row < rows; row += 1, at += size) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let i = 0; i < even; i += 4) {
      a += (values[at + i] as number) * (query[i] as number);
      b += (values[at + i + 1] as number) * (query[i + 1] as number);
      c += (values[at + i + 2] as number) * (query[i + 2] as number);
      d += (values[at + i + 3] as number) * (query[i + 3] as number);
    }
    for (let i = even; i < size; i += 1) a += (values[at + i] as number) * (query[i] as number);
    scores[row] = a + b + (c + d);
  }
  return scores;
}
