/**
 * Where the five landmarks lie in an aligned image of 112 × 112: left eye, right eye, nose, left and right corner of the
 * mouth (InsightFace's `arcface_dst`).
 */
export const TEMPLATE_112 = [
  38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041,
] as const;

/** (x, y) → (a·x − b·y + dx, b·x + a·y + dy): turns, scales alike in both directions and moves; mirrors nothing. */
export type Similarity = { readonly a: number; readonly b: number; readonly dx: number; readonly dy: number };

/** Pixels row by row, RGB, 0 … 255. */
export type RgbImage = { readonly data: Uint8Array; readonly width: number; readonly height: number };

/**
 * The similarity that takes points closest to others, in the sum of squared distances: what Umeyama (1991) finds with
 * reflections excluded. In two dimensions it is linear in a and b, which gives the closed form below.
 * @param from, to [x0, y0, x1, y1, …], equally many
 * @throws Error for points that all coincide, or that no turning and scaling brings nearer, which a mirrored face has
 */
export function fitSimilarity(from: readonly number[], to: readonly number[]): Similarity {
  const source = centre(from);
  const target = centre(to);
  let along = 0;
  let across = 0;
  let squares = 0;
  for (let i = 0; i < from.length; i += 2) {
    const [x, y] = [at(from, i) - source.x, at(from, i + 1) - source.y];
    const [u, v] = [at(to, i) - target.x, at(to, i + 1) - target.y];
    along += x * u + y * v;
    across += x * v - y * u;
    squares += x * x + y * y;
  }
  const [a, b] = [along / squares, across / squares];
  if (!(Math.hypot(a, b) > Number.EPSILON))
    throw new Error('expected landmarks of a face; found points that fit no face at any turn or scale');
  return {
    a,
    b,
    dx: target.x - a * source.x + b * source.y,
    dy: target.y - b * source.x - a * source.y,
  };
}

/**
 * The image as a similarity places it in a square: bilinear, with 0 beyond the image's edge. The centre of the top left
 * pixel is (0, 0) in both.
 * @returns [size, size, 3]
 * @throws Error when nothing of the image falls into the square
 */
export function warpSimilarity(image: RgbImage, { a, b, dx, dy }: Similarity, size: number): Uint8Array {
  const { data, width, height } = image;
  const squared = a * a + b * b;
  const [inverseA, inverseB] = [a / squared, -b / squared];
  const result = new Uint8Array(size * size * 3);
  let inside = 0;
  for (let v = 0; v < size; v += 1) {
    for (let u = 0; u < size; u += 1) {
      const x = inverseA * (u - dx) - inverseB * (v - dy);
      const y = inverseB * (u - dx) + inverseA * (v - dy);
      if (!(x > -1 && x < width && y > -1 && y < height)) continue;
      inside += 1;
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [right, down] = [x - left, y - top];
      for (let channel = 0; channel < 3; channel += 1) {
        const pixel = (column: number, row: number): number =>
          column < 0 || column >= width || row < 0 || row >= height
            ? 0
            : (data[3 * (row * width + column) + channel] as number);
        const upper = (1 - right) * pixel(left, top) + right * pixel(left + 1, top);
        const lower = (1 - right) * pixel(left, top + 1) + right * pixel(left + 1, top + 1);
        result[3 * (v * size + u) + channel] = Math.round((1 - down) * upper + down * lower);
      }
    }
  }
  if (inside === 0)
    throw new Error(`expected landmarks within the image of ${width} × ${height}; found none`);
  return result;
}

/** The face that five landmarks mark, turned, scaled and moved onto the template, which scales with the square. */
export function alignFace(image: RgbImage, landmarks: readonly number[], size: number): Uint8Array {
  const template = TEMPLATE_112.map((value) => (value * size) / 112);
  return warpSimilarity(image, fitSimilarity(landmarks, template), size);
}

function centre(points: readonly number[]): { x: number; y: number } {
  const count = points.length / 2;
  const sum = (offset: number) =>
    points.reduce((total, value, i) => total + (i % 2 === offset ? value : 0), 0);
  return { x: sum(0) / count, y: sum(1) / count };
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? Number.NaN;
}
