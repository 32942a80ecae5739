import multipart from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { type Static, type TObject, Type } from 'typebox';
import { DatasetLocationError, resolveImage } from '../../artifacts/dataset-location.js';
import type { InferenceImage } from '../../inference/messages.js';
import type { Api, ApiContext } from '../api-context.js';
import { fieldProblem, Problem } from '../problem.js';

/** Images of one request. */
export const MOST_IMAGES = 64;
/** Bytes of one image, and of all of a request. */
const MOST_IMAGE_BYTES = 16 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;

export const ImageLocation = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'Image file under the dataset root.',
  examples: ['demo/test/anna/1.jpg'],
});

export const ImagesBody = Type.Object(
  { images: Type.Array(ImageLocation, { minItems: 1, maxItems: MOST_IMAGES }) },
  { additionalProperties: false, examples: [{ images: ['demo/test/anna/1.jpg'] }] },
);
export type ImagesBody = Static<typeof ImagesBody>;

export const PairBody = Type.Object(
  { left: ImageLocation, right: ImageLocation },
  {
    additionalProperties: false,
    examples: [{ left: 'demo/test/anna/1.jpg', right: 'demo/test/anna/2.jpg' }],
  },
);
export type PairBody = Static<typeof PairBody>;

const file = { type: 'string', format: 'binary' } as const;

/** A body of paths, or of a form with files under these names. */
export function imagesBody<T extends TObject>(schema: T, form: 'many' | readonly string[]) {
  const properties =
    form === 'many'
      ? { images: { type: 'array', items: file, maxItems: MOST_IMAGES } }
      : Object.fromEntries(form.map((name) => [name, file]));
  const formSchema = { type: 'object', properties, required: Object.keys(properties) };
  return {
    content: {
      'application/json': { schema },
      'multipart/form-data': { schema: Type.Unsafe(formSchema) },
    },
  };
}

/** Lets the routes take forms; to be registered before them. */
export async function acceptForms(app: Api): Promise<void> {
  const limits = { fileSize: MOST_IMAGE_BYTES, files: MOST_IMAGES, fields: 0, parts: MOST_IMAGES };
  await app.register(multipart, { limits });
}

/**
 * The images of a request, by the names that answers and errors use for them.
 * @param field of a JSON body's image at a place
 * @throws Problem 400, 413
 */
export async function readImages(
  { datasetRoot }: ApiContext,
  request: FastifyRequest,
  locations: (body: unknown) => readonly { field: string; location: string }[],
): Promise<(InferenceImage & { readonly field: string })[]> {
  if (request.isMultipart()) return readForm(request);
  const images: (InferenceImage & { readonly field: string })[] = [];
  for (const { field, location } of locations(request.body)) {
    try {
      images.push({ field, name: location, path: await resolveImage(datasetRoot, location) });
    } catch (error) {
      throw error instanceof DatasetLocationError ? fieldProblem(field, error.expected, error.found) : error;
    }
  }
  return images;
}

async function readForm(request: FastifyRequest): Promise<(InferenceImage & { readonly field: string })[]> {
  const images: (InferenceImage & { readonly field: string })[] = [];
  let total = 0;
  for await (const part of request.files()) {
    const bytes = await part.toBuffer();
    total += bytes.length;
    if (total > MOST_BYTES) {
      throw new Problem(413, 'body-too-large', `Expected images of at most ${MOST_BYTES} bytes together.`);
    }
    images.push({ field: part.fieldname, name: part.filename || part.fieldname, bytes });
  }
  if (images.length > 0) return images;
  throw fieldProblem('images', `1 to ${MOST_IMAGES} files`, 'none');
}
