import { describe, expect, it } from 'vitest';
import { checkTrainRequest } from '../../../src/jobs/check-train-request.js';
import type { TrainRequest } from '../../../src/jobs/requests.js';
import { trainRequest } from '../job-requests.js';

const faultsOf = (changes: Partial<TrainRequest>) => checkTrainRequest({ ...trainRequest, ...changes });
const fieldsOf = (changes: Partial<TrainRequest>) => faultsOf(changes).map(({ field }) => field);

const EVERY_STAGE = ['stem', 'stage1', 'stage2', 'stage3', 'stage4'];

describe('the optimisation', () => {
  it.each<[Partial<TrainRequest>, string[]]>([
    [{ momentum: 0.8, nesterov: true }, []],
    [{ optimizer: 'adamw', beta1: 0.8, beta2: 0.9 }, []],
    [{ optimizer: 'adamw', momentum: 0.9 }, ['momentum']],
    [{ beta1: 0.8, beta2: 0.9 }, ['beta1', 'beta2']],
    [{ nesterov: true, momentum: 0 }, ['nesterov']],
    [{ schedulePower: 2, finalLearningRate: 0.01 }, []],
    [{ schedule: 'cosine', schedulePower: 2 }, ['schedulePower']],
    [{ schedule: 'step', scheduleMilestones: [10, 20], scheduleGamma: 0.2 }, []],
    [{ schedule: 'step' }, ['scheduleMilestones']],
    [{ scheduleMilestones: [10], scheduleGamma: 0.2 }, ['scheduleMilestones', 'scheduleGamma']],
    [{ schedule: 'constant', finalLearningRate: 0.01 }, ['finalLearningRate']],
    [{ learningRate: 0.1, finalLearningRate: 0.2 }, ['finalLearningRate']],
    [{ clipNorm: 5, clipScope: 'backbone' }, []],
    [{ clipScope: 'backbone' }, ['clipScope']],
    [{ learningRate: 'auto', warmupEpochs: 'auto' }, []],
    [{ learningRate: 'auto', finalLearningRate: 0.001 }, ['finalLearningRate']],
    [{ freezeStages: ['stem'] }, ['freezeStages']],
    [{ freezeStages: ['stem'], initFrom: 'latest' }, []],
    [{ patience: 3 }, []],
    [{ patience: 3, validationFraction: 0 }, ['patience']],
    [{ patience: 3, validationFraction: 0, split: 'manifest' }, []],
    [{ patience: 3, split: 'identity' }, ['patience']],
    [{ finalLearningRate: 0.05 }, []],
    [{ finalLearningRate: 0.06 }, ['finalLearningRate']],
    [{ finalLearningRate: 0.01, optimizer: 'adamw' }, ['finalLearningRate']],
    [{ softmaxEpochs: 5, marginWarmupEpochs: 30 }, []],
    [{ softmaxEpochs: 30 }, ['softmaxEpochs']],
    [{ loss: 'normface', softmaxEpochs: 5 }, ['softmaxEpochs']],
    [{ loss: 'softmax', marginWarmupEpochs: 5 }, ['marginWarmupEpochs']],
    [{ initFrom: 'latest', freezeStages: ['stage1', 'stem'] }, []],
    [{ initFrom: 'latest', freezeStages: ['stage1'] }, ['freezeStages']],
    [{ initFrom: 'latest', freezeStages: ['stem', 'stage2'] }, ['freezeStages']],
    [{ initFrom: 'latest', freezeStages: EVERY_STAGE }, ['freezeStages']],
    [{ initFrom: 'latest', freezeStages: EVERY_STAGE, backbone: 'iresnet18' }, []],
  ])('%j', (changes, fields) => {
    expect(fieldsOf(changes)).toEqual(fields);
  });

  it('says what a field would need and what was found', () => {
    expect(faultsOf({ optimizer: 'adamw', momentum: 0.9 })).toEqual([
      { field: 'momentum', expected: 'nothing, or the optimizer "sgd"', found: '0.9' },
    ]);
  });
});
