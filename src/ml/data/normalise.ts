/** (value − 127.5) / 127.5 of every byte. */
const NORMALISED = Float32Array.from({ length: 256 }, (_, value) => (value - 127.5) / 127.5);

/**
 * Writes an image's bytes as (value − 127.5) / 127.5, mirrored left to right where asked.
 * @param source [size, size, 3]
 * @param target [size, size, 3]
 */
export function writeNormalised(source: Uint8Array, target: Float32Array, size: number, flip: boolean): void {
  const step = flip ? -3 : 3;
  let to = 0;
  for (let y = 0; y < size; y += 1) {
    let from = 3 * (y * size + (flip ? size - 1 : 0));
    for (let x = 0; x < size; x += 1, from += step, to += 3) {
      target[to] = NORMALISED[source[from] as number] as number;
      target[to + 1] = NORMALISED[source[from + 1] as number] as number;
      target[to + 2] = NORMALISED[source[from + 2] as number] as number;
    }
  }
}
