/**
 * `count` numbers in [−1, 1), exact in float32, from FNV-1a of the name and MurmurHash3's finaliser of each index;
 * scripts/fixtures/make_pytorch_fixtures.py draws the same ones.
 */
export function hashedValues(name: string, count: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 1) {
    let hash = (Math.imul(index, 0x9e3779b9) + seed) | 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
    values[index] = (hash >>> 8) / 2 ** 23 - 1;
  }
  return values;
}

/** The values of one of a network's tensors; the fixtures' script has the same centres and widths. */
export function hashedWeights(name: string, shape: readonly number[], ourRole: string): Float32Array {
  const [centre, width] = spreadOf(ourRole, shape);
  const size = shape.reduce((product, length) => product * length, 1);
  return hashedValues(name, size).map((value) => centre + width * value);
}

function spreadOf(ourRole: string, shape: readonly number[]): readonly [centre: number, width: number] {
  switch (ourRole) {
    case 'moving_variance':
      return [1, 0.3];
    case 'moving_mean':
    case 'beta':
    case 'bias':
      return [0, 0.1];
    case 'alpha':
      return [0.997, 0.002];
    case 'gamma':
      return [1, 0.2];
    default: {
      const inputs = shape.slice(1).reduce((product, length) => product * length, 1);
      return [0, (shape.length === 4 ? 0.5 : 1) * Math.sqrt(3 / inputs)];
    }
  }
}
