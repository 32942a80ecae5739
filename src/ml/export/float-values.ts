/** The types of numbers that weights are stored in. */
export const FLOAT_TYPES = ['F32', 'F16', 'BF16', 'F64'] as const;
export type FloatType = (typeof FLOAT_TYPES)[number];

/** Little-endian bytes of one of the four types → float32; a float64 is rounded to the nearest. */
export function decodeFloats(bytes: Uint8Array, type: FloatType): Float32Array {
  // A copy, so that the values are aligned whatever the offset in the file.
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), decodeHalf);
    case 'BF16': {
      // A bfloat16 is the upper half of a float32.
      const words = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
      return new Float32Array(words.buffer);
    }
  }
}

/** IEEE 754 half precision: 1 bit of sign, 5 of exponent with bias 15, 10 of fraction. */
function decodeHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
