/**
 * Negative log likelihood of a label under the softmax of logits / temperature, in nats. Shifted by the largest logit,
 * so that nothing overflows.
 */
export function negativeLogLikelihood(logits: ArrayLike<number>, label: number, temperature: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i += 1) largest = Math.max(largest, logits[i] as number);
  let sum = 0;
  for (let i = 0; i < logits.length; i += 1) sum += Math.exp(((logits[i] as number) - largest) / temperature);
  return Math.log(sum) + (largest - (logits[label] as number)) / temperature;
}
