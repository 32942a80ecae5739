/** Where the bytes of an image lie. */
export type ImageSource = {
  /** Absolute path of the image's file, or of the container that holds it. */
  readonly path: string;
  /** The image's bytes within a container; left out when the file is the image. */
  readonly range?: ByteRange | undefined;
  /** The part of the image that is used; left out for the whole of it. */
  readonly region?: ImageRegion | undefined;
  /** Where the decoded image lies, for a pool that has this cache. */
  readonly cached?: { readonly cache: object; readonly row: number } | undefined;
};

export type ByteRange = {
  /** Bytes from the start of the container. */
  readonly offset: number;
  readonly length: number;
};

/**
 * The part of an image that shows what is to be embedded. In pixels of the image as it is shown, EXIF orientation
 * applied; (0, 0) is the centre of the top left pixel.
 */
export type ImageRegion =
  | {
      readonly kind: 'landmarks';
      /** Left eye, right eye, nose, left and right corner of the mouth, as seen: [x0, y0, …, x4, y4]. */
      readonly points: readonly number[];
    }
  | {
      readonly kind: 'box';
      /** Left and top edge. */
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
    };

export const SPLIT_PARTS = ['train', 'val', 'test'] as const;
export type SplitPart = (typeof SPLIT_PARTS)[number];

/** One image of a dataset, of any form. */
export type ImageEntry = ImageSource & {
  /** Unique within the dataset, with forward slashes; what messages, hashes and seeded choices use. */
  readonly relativePath: string;
  /** Index into the class names. */
  readonly label: number;
  /** The part that a manifest puts it in. */
  readonly split?: SplitPart | undefined;
  /** Further columns of a manifest, by name. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
};
