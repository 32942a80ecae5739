/** Rules that choose a setting from the data. Each is pure; docs/training.md gives the reasons. */

/** Below it the rate shrinks with the batch: its gradient is too noisy for the full one. */
const SMALL_BATCH = 64;
/** Above it sgd's rate grows with the batch: arcface_torch takes 0.1 here. */
const LARGE_BATCH = 1024;
const SGD_RATE = 0.1;
/** arcface_torch's highest, at a batch of 8192. */
const HIGHEST_SGD_RATE = 0.6;
const ADAMW_RATE = 0.001;
const SGD_WARMUP_STEPS = 1000;
/** A short run must not spend itself on warming up. */
const WARMUP_SHARE = 0.1;

/**
 * Peak rate for a number of images per step. sgd: linear scaling (Goyal et al. 2017, arXiv:1706.02677) below 64 and above
 * 1024, 0.1 between. adamw: with the root of the batch below 64 (Malladi et al. 2022, arXiv:2205.10287), 0.001 above.
 */
export function autoLearningRate(optimizer: 'sgd' | 'adamw', imagesPerStep: number): number {
  if (optimizer === 'adamw') return ADAMW_RATE * Math.min(1, Math.sqrt(imagesPerStep / SMALL_BATCH));
  const factor =
    imagesPerStep < SMALL_BATCH ? imagesPerStep / SMALL_BATCH : Math.max(1, imagesPerStep / LARGE_BATCH);
  return Math.min(HIGHEST_SGD_RATE, SGD_RATE * factor);
}

/**
 * Epochs of warm-up: 1000 steps with sgd; 2 / (1 − β₂) with adamw, what its running mean of squares takes to settle
 * (Ma and Yarats 2021, arXiv:1910.04209); a tenth of the run where that is less.
 * @param beta2 adamw's; null with sgd
 */
export function autoWarmupEpochs(
  beta2: number | null,
  { stepsPerEpoch, epochs }: { readonly stepsPerEpoch: number; readonly epochs: number },
): number {
  const wanted = beta2 === null ? SGD_WARMUP_STEPS : 2 / (1 - beta2);
  const steps = Math.min(Math.round(wanted), Math.floor(WARMUP_SHARE * epochs * stepsPerEpoch));
  return steps / stepsPerEpoch;
}
