import type { Inspection } from './decode-messages.js';
import type { DecodePool } from './decode-pool.js';
import { ImageCache, ImageCacheWriter } from './image-cache.js';
import { type CacheShape, cacheKey } from './image-cache-file.js';
import type { ImageCacheSettings } from './image-cache-room.js';
import type { ImageEntry } from './image-entry.js';

export type InspectedImages = {
  /** In the images' order. */
  readonly inspected: readonly Inspection[];
  /** Holds image i in row i; null for none. */
  readonly cache: ImageCache | null;
};

export type InspectionHooks = {
  /** What it throws ends the inspection. */
  readonly onProgress?: (done: number) => void;
  readonly onLog?: ((level: 'info' | 'warn', message: string) => void) | undefined;
};

/**
 * Looks at every image once. With a cache, the pixels are kept on the way, or found there and nothing is decoded; the pool then reads them
 * in place of decoding. Whatever is wrong with the cache, the inspection goes on without it and says so.
 */
export async function inspectImages(
  images: readonly ImageEntry[],
  pool: DecodePool,
  hooks: InspectionHooks,
): Promise<InspectedImages> {
  const settings = pool.cacheSettings;
  if (settings === null || settings.maxBytes === 0 || images.length === 0) {
    return { inspected: await pool.inspect(images, hooks.onProgress), cache: null };
  }
  const shape = { count: images.length, imageSize: pool.imageSize };
  const known = await inspectKnown(images, pool, { settings, shape }, hooks);
  if (known !== null) return known;
  const writer = await ImageCacheWriter.begin(settings, shape).catch((error: Error) => error.message);
  if (typeof writer === 'string') {
    hooks.onLog?.('info', `goes on without a cache of decoded images: ${writer}`);
    return { inspected: await pool.inspect(images, hooks.onProgress), cache: null };
  }
  return inspectAndKeep(images, pool, { writer, shape }, hooks);
}

type Place = { readonly settings: ImageCacheSettings; readonly shape: CacheShape };

/** @returns null when the cache does not hold these images */
async function inspectKnown(
  images: readonly ImageEntry[],
  pool: DecodePool,
  { settings, shape }: Place,
  hooks: InspectionHooks,
): Promise<InspectedImages | null> {
  if (!(await ImageCache.hasShape(settings, shape))) return null;
  const hashed = await pool.hash(images, hooks.onProgress);
  const key = cacheKey(
    shape,
    images,
    hashed.map(({ sha256 }) => sha256),
  );
  const cache = await ImageCache.find(settings, shape, key).catch(() => null);
  if (cache === null) return null;
  pool.useCache(cache);
  hooks.onLog?.('info', `found the ${images.length} images decoded in the cache`);
  const errors = new Map(cache.footer.errors);
  const inspected = hashed.map(({ sha256 }, row) => ({
    sha256,
    error: errors.get(row) ?? null,
    facts: cache.footer.facts[row] ?? null,
  }));
  return { inspected, cache };
}

async function inspectAndKeep(
  images: readonly ImageEntry[],
  pool: DecodePool,
  { writer, shape }: { readonly writer: ImageCacheWriter; readonly shape: CacheShape },
  hooks: InspectionHooks,
): Promise<InspectedImages> {
  try {
    const { inspected, cacheError } = await pool.inspectInto(writer.path, images, hooks.onProgress);
    if (cacheError !== null) throw new CacheLost(cacheError, inspected);
    const key = cacheKey(
      shape,
      images,
      inspected.map(({ sha256 }) => sha256),
    );
    const errors = inspected.flatMap(({ error }, row) => (error === null ? [] : [[row, error] as const]));
    const cache = await writer
      .publish({ key, errors, facts: inspected.map(({ facts }) => facts) })
      .catch((error: Error) => {
        throw new CacheLost(error.message, inspected);
      });
    if (cache !== null) pool.useCache(cache);
    hooks.onLog?.('info', `keeps the ${images.length} images decoded in the cache`);
    return { inspected, cache };
  } catch (error) {
    await writer.discard();
    if (!(error instanceof CacheLost)) throw error;
    hooks.onLog?.('warn', `goes on without a cache of decoded images: ${error.message}`);
    return { inspected: error.inspected, cache: null };
  }
}

/** The cache cannot be written; the inspection itself is whole. */
class CacheLost extends Error {
  constructor(
    message: string,
    readonly inspected: Inspection[],
  ) {
    super(message);
  }
}
