import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CacheFooter,
  type CacheShape,
  cacheFileName,
  isOfShape,
  pixelBytesOf,
  readFooter,
  writeFooter,
} from './image-cache-file.js';
import { type ImageCacheSettings, makeRoom, markInUse } from './image-cache-room.js';

/** The decoded images of one dataset, in a file that later epochs and later jobs read instead of decoding. */
export class ImageCache {
  private constructor(
    private readonly handle: FileHandle,
    private readonly unmark: () => Promise<void>,
    readonly footer: CacheFooter,
  ) {}

  /** For the decoding threads, which read rows by it: it stays valid even if the file is removed. */
  get fd(): number {
    return this.handle.fd;
  }

  /** Whether some dataset with as many images of this size is there. */
  static async hasShape({ dir }: ImageCacheSettings, shape: CacheShape): Promise<boolean> {
    const names = await readdir(dir).catch(() => []);
    return names.some((name) => isOfShape(name, shape));
  }

  /** @returns null when there is no whole file for the key */
  static async find({ dir }: ImageCacheSettings, shape: CacheShape, key: string): Promise<ImageCache | null> {
    const name = cacheFileName(shape, key);
    const handle = await open(join(dir, name), 'r').catch(() => null);
    if (handle === null) return null;
    try {
      const footer = await readFooter(handle, shape);
      if (footer?.key === key) return new ImageCache(handle, await markInUse(dir, name), footer);
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    await rm(join(dir, name), { force: true });
    return null;
  }

  async close(): Promise<void> {
    await this.unmark();
    await this.handle.close();
  }
}

/** A file of the cache that is being written, under a name of its own: two processes may write the same one. */
export class ImageCacheWriter {
  private constructor(
    private readonly settings: ImageCacheSettings,
    private readonly shape: CacheShape,
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /** @returns why there is no room, in place of a writer */
  static async begin(settings: ImageCacheSettings, shape: CacheShape): Promise<ImageCacheWriter | string> {
    const { dir } = settings;
    await mkdir(dir, { recursive: true });
    const lack = await makeRoom(settings, pixelBytesOf(shape));
    if (lack !== null) return lack;
    const path = join(dir, `${randomUUID()}.partial`);
    const handle = await open(path, 'wx+');
    const writer = new ImageCacheWriter(settings, shape, path, handle);
    // Its full length from the start, so that others who look for room count it.
    await handle.truncate(pixelBytesOf(shape)).catch(async (error) => {
      await writer.discard();
      throw error;
    });
    return writer;
  }

  /** Once all rows are written: what a power cut leaves is the whole file or none. */
  async publish(footer: CacheFooter): Promise<ImageCache | null> {
    const { dir } = this.settings;
    await writeFooter(this.handle, this.shape, footer);
    await this.handle.sync();
    await this.handle.close();
    await rename(this.path, join(dir, cacheFileName(this.shape, footer.key)));
    const folder = await open(dir, 'r');
    await folder.sync().finally(() => folder.close());
    return ImageCache.find(this.settings, this.shape, footer.key);
  }

  async discard(): Promise<void> {
    await this.handle.close().catch(() => {});
    await rm(this.path, { force: true });
  }
}
