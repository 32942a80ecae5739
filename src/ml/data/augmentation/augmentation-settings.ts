/**
 * What is done at random to a training image. Each kind has its own probability; the ranges are drawn from evenly, unless
 * they say otherwise.
 */
export type AugmentationSettings = {
  readonly flip: { readonly probability: number };
  readonly crop: {
    readonly probability: number;
    /** Share of the image's area that is kept. */
    readonly minArea: number;
    readonly maxArea: number;
    /** Width over height is between this and its inverse, drawn evenly in the logarithm. */
    readonly minAspectRatio: number;
  };
  readonly lowResolution: {
    readonly probability: number;
    /** Share of the side that is left before it is scaled up again. */
    readonly minScale: number;
    readonly maxScale: number;
  };
  readonly blur: {
    readonly probability: number;
    /** Standard deviation of the Gaussian, in pixels. */
    readonly minSigma: number;
    readonly maxSigma: number;
  };
  readonly colour: {
    readonly probability: number;
    /** The factor is between 1 − this and 1 + this. */
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    /** Turns of the colour circle, to either side. */
    readonly hue: number;
  };
  readonly grey: { readonly probability: number };
  readonly erasing: {
    readonly probability: number;
    /** Share of the image's area that is covered. */
    readonly minArea: number;
    readonly maxArea: number;
    readonly minAspectRatio: number;
  };
};

/**
 * Mirrors half of the images and does nothing else. The ranges of crop, low resolution and colour are those of AdaFace (Kim, Jain
 * and Liu, 2022), the range of erasing that of Zhong and others (2020).
 */
export const DEFAULT_AUGMENTATION: AugmentationSettings = {
  flip: { probability: 0.5 },
  crop: { probability: 0, minArea: 0.2, maxArea: 1, minAspectRatio: 0.75 },
  lowResolution: { probability: 0, minScale: 0.2, maxScale: 1 },
  blur: { probability: 0, minSigma: 0.1, maxSigma: 2 },
  colour: { probability: 0, brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0 },
  grey: { probability: 0 },
  erasing: { probability: 0, minArea: 0.02, maxArea: 0.4, minAspectRatio: 0.3 },
};

/** Whether pixels are changed beyond mirroring, which the order of the batches decides on. */
export function changesPixels({ flip: _flip, ...others }: AugmentationSettings): boolean {
  return Object.values(others).some(({ probability }) => probability > 0);
}
