import { type TObject, type TProperties, Type } from 'typebox';

const probability = (fallback: number) =>
  Type.Number({ minimum: 0, maximum: 1, default: fallback, description: 'Of each image; 0 turns it off.' });

const share = (fallback: number, description: string) =>
  Type.Number({ exclusiveMinimum: 0, maximum: 1, default: fallback, description });

/** An object that may be left out, with all of its fields' defaults. */
function group<T extends TProperties>(fields: T, description: string): TObject<T> {
  return Type.Object(fields, { additionalProperties: false, default: {}, description });
}

const aspectRatio = 'Width over height is between this and its inverse.';

/** Random changes of the training images. Only mirroring is on by default. */
export const augmentationField = group(
  {
    flip: group({ probability: probability(0.5) }, 'Mirrors left to right.'),
    crop: group(
      {
        probability: probability(0),
        minArea: share(0.2, 'Least share of the area that is kept.'),
        maxArea: share(1, 'Largest share of the area that is kept.'),
        minAspectRatio: share(0.75, aspectRatio),
      },
      'Cuts out a rectangle and scales it to the whole image.',
    ),
    lowResolution: group(
      {
        probability: probability(0),
        minScale: share(0.2, 'Least share of the side.'),
        maxScale: share(1, 'Largest share of the side.'),
      },
      'Scales down to a share of the side, and up again.',
    ),
    blur: group(
      {
        probability: probability(0),
        minSigma: Type.Number({ minimum: 0.05, maximum: 10, default: 0.1, description: 'In pixels.' }),
        maxSigma: Type.Number({ minimum: 0.05, maximum: 10, default: 2, description: 'In pixels.' }),
      },
      'Convolves with a Gaussian.',
    ),
    colour: group(
      {
        probability: probability(0),
        brightness: change('brightness'),
        contrast: change('contrast'),
        saturation: change('saturation'),
        hue: Type.Number({
          minimum: 0,
          maximum: 0.5,
          default: 0,
          description: 'Largest turn of the hue to either side; 1 would be the whole circle.',
        }),
      },
      'Changes brightness, contrast, saturation and hue.',
    ),
    grey: group({ probability: probability(0) }, 'Takes the colour away.'),
    erasing: group(
      {
        probability: probability(0),
        minArea: share(0.02, 'Least share of the area that is covered.'),
        maxArea: share(0.4, 'Largest share of the area that is covered.'),
        minAspectRatio: share(0.3, aspectRatio),
      },
      'Covers a rectangle with noise.',
    ),
  },
  'Random changes of the training images, the same for the same seed, epoch and image.',
);

function change(quantity: string) {
  const description = `The factor of the ${quantity} is between 1 − this and 1 + this.`;
  return Type.Number({ minimum: 0, maximum: 1, default: 0.5, description });
}
