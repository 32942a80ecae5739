/** An image of greys, row by row: three equal channels. */
export const greyImage = (greys: readonly number[]): Uint8Array =>
  Uint8Array.from(greys.flatMap((grey) => [grey, grey, grey]));

/** The greys of such an image. */
export const greysOf = (pixels: Uint8Array): number[] => [...pixels].filter((_, i) => i % 3 === 0);

/** An image with another colour in every place. */
export const motley = (size: number): Uint8Array =>
  Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * 37 + (i >> 4) * 11) % 256);
