import { expect, it } from 'vitest';
import { DEMO_HELP, parseDemoOptions } from '../../src/cli/demo-options.js';
import { BACKBONES } from '../../src/jobs/train-fields/network-fields.js';

it('reads every option', () => {
  const args = '--dataset d --epochs 3 --batch-size 8 --learning-rate 0.1 --backbone iresnet18 --serve';
  expect(parseDemoOptions(args.split(' '))).toEqual({
    dataset: 'd',
    epochs: 3,
    batchSize: 8,
    learningRate: 0.1,
    backbone: 'iresnet18',
    serve: true,
    help: false,
  });
});

it.each([
  ['--epochs=0', /--epochs: expected a whole number from 1; found "0"/],
  ['--batch-size=1', /--batch-size: expected a whole number from 2; found "1"/],
  ['--learning-rate=fast', /--learning-rate: expected a number above 0; found "fast"/],
  ['--backbone=vgg', /expected one of mobilefacenet, mbf, .*iresnet100; found "vgg"/],
  ['--bogus', /--bogus/],
])('refuses %s in words', (argument, message) => {
  expect(() => parseDemoOptions([argument])).toThrow(message);
});

it.each(BACKBONES)('takes the backbone %s', (backbone) => {
  expect(parseDemoOptions([`--backbone=${backbone}`])).toMatchObject({ backbone });
});

it('fits 60 columns', () => {
  expect(DEMO_HELP.split('\n').filter((line) => line.length > 60)).toEqual([]);
});
