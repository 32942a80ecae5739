import { Type } from 'typebox';

const folder = { minLength: 1, maxLength: 512 } as const;

/** Settings of the protocol `identification`. */
export const IdentificationSettings = Type.Object(
  {
    gallery: Type.Optional(
      Type.String({ ...folder, description: 'Folder within the dataset with one folder per identity.' }),
    ),
    probes: Type.Optional(
      Type.String({
        ...folder,
        description:
          'As `gallery`. Left out, both, the dataset is split into gallery and probes with the seed.',
      }),
    ),
    galleryImages: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 1,
      description: 'When split: images of each identity that go into the gallery.',
    }),
    unknownFraction: Type.Number({
      minimum: 0,
      maximum: 0.9,
      default: 0,
      description:
        'When split: share of the identities that are left out of the gallery, for the open-set figures.',
    }),
    templateRule: Type.Enum(['mean', 'max'], {
      default: 'mean',
      description:
        'Score of an identity with several images: of the mean of its embeddings, or of its best image.',
    }),
  },
  { additionalProperties: false },
);
