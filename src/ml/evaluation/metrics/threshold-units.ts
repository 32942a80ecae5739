/** Squared Euclidean distance of two unit vectors with this cosine: ‖a − b‖² = 2 − 2 cos. null stays null. */
export function squaredL2OfCosine(cosine: number): number;
export function squaredL2OfCosine(cosine: number | null): number | null;
export function squaredL2OfCosine(cosine: number | null): number | null {
  return cosine === null ? null : 2 - 2 * cosine;
}
