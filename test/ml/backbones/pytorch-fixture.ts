import { readFileSync } from 'node:fs';
import { hashedValues } from './hashed-values.js';

/** What a fixture keeps of a tensor's values. */
export type Digest = {
  readonly norm: number;
  readonly largest: number;
  /** With the hashed values of "digest of NAME". */
  readonly product: number;
  /** Values at even distances. */
  readonly samples: readonly number[];
};

/** What PyTorch computes in float64; scripts/fixtures/make_pytorch_fixtures.py writes it. */
export type PytorchFixture = {
  readonly imageSize: number;
  readonly batch: number;
  readonly embeddingSize: number;
  readonly classCount: number;
  readonly scale: number;
  readonly margin: number;
  /** Embeddings [batch, embeddingSize], in inference and in training. */
  readonly inferred: readonly number[];
  readonly trained: readonly number[];
  readonly loss: number;
  /** Shapes in PyTorch's layout, by InsightFace's name. */
  readonly state: Readonly<Record<string, number[]>>;
  readonly gradients: Readonly<Record<string, Digest>>;
  /** Moving statistics after the step. */
  readonly statistics: Readonly<Record<string, Digest>>;
};

export function readPytorchFixture(name: string): PytorchFixture {
  const url = new URL(`../../fixtures/pytorch/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as PytorchFixture;
}

/**
 * How far values lie from a digest, relative to the tensor: the largest of the errors of norm, product and samples. The
 * hashed vector's entries are independent, so the error of the product is about as large as the error's norm.
 * @param floor a norm below which the error counts relative to `floor`
 */
export function distanceFromDigest(
  name: string,
  values: ArrayLike<number>,
  { expected, floor }: { readonly expected: Digest; readonly floor: number },
): number {
  const vector = hashedValues(`digest of ${name}`, values.length);
  let squares = 0;
  let product = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? Number.NaN;
    squares += value * value;
    product += value * (vector[index] ?? Number.NaN);
  }
  const { norm, largest, samples } = expected;
  const shrink = Math.min(1, norm / floor);
  const sampleErrors = samples.map((sample, index) => {
    const place = Math.floor((index * values.length) / samples.length);
    return (Math.abs((values[place] ?? Number.NaN) - sample) / largest) * shrink;
  });
  const size = Math.max(norm, floor);
  return Math.max(
    Math.abs(Math.sqrt(squares) - norm) / size,
    Math.abs(product - expected.product) / size,
    ...sampleErrors,
  );
}
