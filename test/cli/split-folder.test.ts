import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copySplit, datasetName, splitFolder } from '../../src/cli/split-folder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'split-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function addClass(name: string, images: number): Promise<void> {
  await mkdir(join(folder, name));
  for (let i = 0; i < images; i += 1) await writeFile(join(folder, name, `${i}.pgm`), `P5 ${name} ${i}`);
}

const paths = (images: readonly { relativePath: string }[]) => images.map((image) => image.relativePath);

describe('splitFolder', () => {
  it('tests 30 % of each class and trains on the rest, each image once', async () => {
    await addClass('ada', 10);
    await addClass('bob', 2);
    const { train, test, strangerNames } = await splitFolder(folder, 1);
    expect(strangerNames).toEqual([]);
    expect(paths(test).filter((path) => path.startsWith('ada/'))).toHaveLength(3);
    expect(paths(test).filter((path) => path.startsWith('bob/'))).toHaveLength(1);
    expect(new Set([...paths(train), ...paths(test)]).size).toBe(12);
    expect(train.length + test.length).toBe(12);
  });

  it('depends on the seed alone', async () => {
    await addClass('ada', 30);
    await addClass('bob', 30);
    const tested = async (seed: number) => paths((await splitFolder(folder, seed)).test).join();
    expect(await tested(1)).toBe(await tested(1));
    expect(await tested(2)).not.toBe(await tested(1));
  });

  it('holds a tenth of the classes out of training, with all their images tested', async () => {
    for (let i = 0; i < 20; i += 1) await addClass(`person${i}`, 4);
    const { classNames, strangerNames, train, test } = await splitFolder(folder, 1);
    expect(strangerNames).toHaveLength(2);
    expect(classNames).toHaveLength(18);
    for (const name of strangerNames) {
      expect(paths(train).filter((path) => path.startsWith(`${name}/`))).toEqual([]);
      expect(paths(test).filter((path) => path.startsWith(`${name}/`))).toHaveLength(4);
    }
  });

  it('leaves a class of one image out', async () => {
    await addClass('ada', 3);
    await addClass('bob', 3);
    await addClass('lone', 1);
    expect((await splitFolder(folder, 1)).leftOut).toEqual(['lone']);
  });

  it('says in one sentence what is wrong with a folder', async () => {
    await expect(splitFolder(join(folder, 'nowhere'), 1)).rejects.toThrow(/nowhere cannot be used.*ENOENT/);
    await addClass('ada', 3);
    await expect(splitFolder(folder, 1)).rejects.toThrow(/at least 2 class folders.*found 1\./);
  });
});

describe('copySplit', () => {
  it('replaces what was there', async () => {
    await addClass('ada', 2);
    await addClass('bob', 2);
    const output = join(folder, '.out');
    await mkdir(join(output, 'train', 'stale'), { recursive: true });
    await copySplit(await splitFolder(folder, 1), output);
    expect(await readdir(join(output, 'train'))).toEqual(['ada', 'bob']);
    expect(await readdir(join(output, 'test', 'ada'))).toHaveLength(1);
  });
});

describe('datasetName', () => {
  it("never takes the photographs' place nor leaves the dataset root", () => {
    expect(datasetName('/faces/orl-faces')).toBe('orl-faces');
    expect(datasetName('/some/demo')).toBe('own-demo');
    expect(datasetName('/')).toBe('own-');
    expect(datasetName('/a/my faces')).toBe('my-faces');
  });
});
