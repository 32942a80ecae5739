import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { scanClassFolder } from '../ml/data/class-folder.js';
import type { ImageEntry } from '../ml/data/image-entry.js';
import { createRandom, deriveSeed } from '../ml/data/random.js';

/** Share of each class's images that is tested. */
const TEST_SHARE = 0.3;
/** Share of the classes that are held out as strangers, in folders of at least this many classes. */
const STRANGER_SHARE = 0.1;
const CLASSES_FOR_STRANGERS = 10;
/** Images that a class needs, so that one is trained on and one is tested. */
const FEWEST_IMAGES = 2;

export type FolderSplit = {
  readonly classNames: readonly string[];
  readonly strangerNames: readonly string[];
  /** Classes of a single image, which cannot be both trained on and tested. */
  readonly leftOut: readonly string[];
  readonly train: readonly ImageEntry[];
  readonly test: readonly ImageEntry[];
};

/**
 * Divides a folder of class folders: a seeded share of each class is tested, the rest trained on, and some classes
 * are held out altogether as strangers, so that all of their images are tested.
 * @throws Error in one sentence when the folder holds too little
 */
export async function splitFolder(folder: string, seed: number): Promise<FolderSplit> {
  const { classNames, images } = await scanClassFolder(folder).catch((error: Error) => {
    throw new Error(`${folder} cannot be used as a dataset: ${error.message}`);
  });
  const members = classNames.map((_, label) => images.filter((image) => image.label === label));
  const labels = classNames.map((_, label) => label);
  const usable = labels.filter((label) => (members[label] ?? []).length >= FEWEST_IMAGES);
  if (usable.length < 2) {
    throw new Error(
      `${folder} cannot be used as a dataset: expected at least 2 class folders of at least ` +
        `${FEWEST_IMAGES} images each; found ${usable.length}.`,
    );
  }
  const strangerCount =
    usable.length < CLASSES_FOR_STRANGERS ? 0 : Math.max(1, Math.round(usable.length * STRANGER_SHARE));
  const strangers = new Set(createRandom(deriveSeed(seed, 0)).shuffle(usable).slice(0, strangerCount));
  const train: ImageEntry[] = [];
  const test: ImageEntry[] = [];
  for (const label of usable) {
    const own = members[label] ?? [];
    const shuffled = createRandom(deriveSeed(seed, 1, label)).shuffle(own);
    const tested = strangers.has(label) ? own.length : Math.max(1, Math.round(own.length * TEST_SHARE));
    test.push(...shuffled.slice(0, tested));
    train.push(...shuffled.slice(tested));
  }
  const named = (chosen: readonly number[]) => chosen.map((label) => classNames[label] as string);
  return {
    classNames: named(usable.filter((label) => !strangers.has(label))),
    strangerNames: named([...strangers].sort((a, b) => a - b)),
    leftOut: named(labels.filter((label) => !usable.includes(label))),
    train,
    test,
  };
}

/** Copies the images, as they are, into train/<class>/ and test/<class>/; what is there is replaced. */
export async function copySplit({ train, test }: FolderSplit, outputFolder: string): Promise<void> {
  await rm(outputFolder, { recursive: true, force: true });
  for (const [part, images] of [['train', train] as const, ['test', test] as const]) {
    for (const { path, relativePath } of images) {
      const target = join(outputFolder, part, relativePath);
      await mkdir(join(target, '..'), { recursive: true });
      await copyFile(path, target);
    }
  }
}

/** A name for the copy within the dataset root, made of the folder's own; never that of the demo's photographs. */
export function datasetName(folder: string): string {
  const name = basename(folder).replace(/[^A-Za-z0-9_-]+/g, '-');
  return name === '' || name === 'demo' || name.startsWith('-') ? `own-${name}` : name;
}
