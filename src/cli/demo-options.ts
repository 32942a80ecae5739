import { parseArgs } from 'node:util';
import type { TrainRequest } from '../jobs/requests.js';
import { BACKBONES } from '../jobs/train-fields/network-fields.js';

export const DEMO_HELP = `Usage: npm run demo -- [options]

Starts the service, trains ArcFace as a job, evaluates it.

  --dataset DIR         A folder of one folder per class, in
                        place of the demo's photographs.
  --epochs N            Default: 6; for a folder of your own
                        as many as make 400 steps.
  --batch-size N        Default: 16.
  --learning-rate X     Default: 0.05.
  --backbone NAME       mobilefacenet (default), mbf,
                        iresnet18, 34, 50 or 100.
  --serve               Keep the service running at the end.
  --help                Show this.

Everything is kept in ./data/demo. With --serve the service
listens on PORT, 8080 by default.
`;

export type DemoOptions = {
  readonly dataset?: string;
  readonly epochs?: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly backbone: TrainRequest['backbone'];
  readonly serve: boolean;
  readonly help: boolean;
};

/** @throws Error in one sentence about an option that is unknown or wrong */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dataset: { type: 'string' },
      epochs: { type: 'string' },
      'batch-size': { type: 'string', default: '16' },
      'learning-rate': { type: 'string', default: '0.05' },
      backbone: { type: 'string', default: 'mobilefacenet' },
      serve: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const backbone = BACKBONES.find((name) => name === values.backbone);
  if (backbone === undefined) {
    throw new Error(`--backbone: expected one of ${BACKBONES.join(', ')}; found "${values.backbone}".`);
  }
  return {
    ...(values.dataset === undefined ? {} : { dataset: values.dataset }),
    ...(values.epochs === undefined ? {} : { epochs: wholeNumber('--epochs', values.epochs, 1) }),
    batchSize: wholeNumber('--batch-size', values['batch-size'], 2),
    learningRate: positive('--learning-rate', values['learning-rate']),
    backbone,
    serve: values.serve,
    help: values.help,
  };
}

function wholeNumber(option: string, text: string, minimum: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) >= minimum) return Number(text);
  throw new Error(`${option}: expected a whole number from ${minimum}; found "${text}".`);
}

function positive(option: string, text: string): number {
  if (Number(text) > 0 && Number.isFinite(Number(text))) return Number(text);
  throw new Error(`${option}: expected a number above 0; found "${text}".`);
}
