import type { RequestFault } from '../check-train-request.js';
import type { TrainRequest } from '../requests.js';

type Field = keyof TrainRequest & string;
type Rule = {
  readonly fields: readonly Field[];
  /** What the fields need, as a sentence's end. */
  readonly needs: string;
  readonly isMet: (request: TrainRequest) => boolean;
};

/** A field that nothing would read is refused: a setting without effect is a mistake that its user should hear of. */
const READ_ONLY_WITH: readonly Rule[] = [
  { fields: ['momentum', 'nesterov'], needs: 'the optimizer "sgd"', isMet: (r) => r.optimizer === 'sgd' },
  { fields: ['beta1', 'beta2'], needs: 'the optimizer "adamw"', isMet: (r) => r.optimizer === 'adamw' },
  {
    fields: ['schedulePower'],
    needs: 'the schedule "polynomial"',
    isMet: (r) => r.schedule === 'polynomial',
  },
  {
    fields: ['scheduleMilestones', 'scheduleGamma'],
    needs: 'the schedule "step"',
    isMet: (r) => r.schedule === 'step',
  },
  {
    fields: ['finalLearningRate'],
    needs: 'the schedule "polynomial" or "cosine"',
    isMet: (r) => r.schedule === 'polynomial' || r.schedule === 'cosine',
  },
  { fields: ['freezeStages'], needs: 'initFrom beside it', isMet: (r) => r.initFrom !== undefined },
  { fields: ['clipScope'], needs: 'a clipNorm beside it', isMet: (r) => r.clipNorm !== undefined },
  {
    fields: ['patience'],
    needs: 'images that are validated on: a validationFraction above 0 and no split "identity"',
    isMet: (r) => r.split === 'manifest' || (r.split !== 'identity' && r.validationFraction > 0),
  },
];

/** Rates that a request which names none gets; src/ml/training/optimisation-settings.ts has them too. */
const DEFAULT_RATES = { sgd: 0.05, adamw: 0.001 } as const;
const LOSSES_WITHOUT_MARGIN: readonly string[] = ['softmax', 'normface'];

/** What the fields of the optimisation say against one another. */
export function checkOptimisation(request: TrainRequest): RequestFault[] {
  const faults: RequestFault[] = [];
  for (const { fields, needs, isMet } of READ_ONLY_WITH) {
    if (isMet(request)) continue;
    for (const field of fields) {
      if (request[field] === undefined) continue;
      faults.push({ field, expected: `nothing, or ${needs}`, found: show(request[field]) });
    }
  }
  if (request.schedule === 'step' && request.scheduleMilestones === undefined) {
    const expected = 'scheduleMilestones with schedule "step"';
    faults.push({ field: 'scheduleMilestones', expected, found: 'none' });
  }
  if (request.nesterov && request.momentum === 0) {
    faults.push({ field: 'nesterov', expected: 'a momentum above 0 with nesterov', found: '0' });
  }
  return [...faults, ...checkFinalRate(request), ...checkMarginStages(request), ...checkFrozen(request)];
}

function checkFinalRate({ optimizer, learningRate, finalLearningRate }: TrainRequest): RequestFault[] {
  if (finalLearningRate === undefined) return [];
  const field = 'finalLearningRate';
  const found = show(finalLearningRate);
  if (learningRate === 'auto') {
    return [{ field, expected: 'nothing, or a learningRate that is a number', found }];
  }
  const peak = learningRate ?? DEFAULT_RATES[optimizer];
  return finalLearningRate <= peak
    ? []
    : [{ field, expected: `at most ${peak}, which is learningRate`, found }];
}

/** Stages of a margin that is not there, or never comes. */
function checkMarginStages({
  loss,
  epochs,
  softmaxEpochs,
  marginWarmupEpochs,
}: TrainRequest): RequestFault[] {
  if (LOSSES_WITHOUT_MARGIN.includes(loss)) {
    return Object.entries({ softmaxEpochs, marginWarmupEpochs })
      .filter(([, value]) => value > 0)
      .map(([field, value]) => ({
        field,
        expected: `0 for the loss "${loss}", which has no margin`,
        found: show(value),
      }));
  }
  if (softmaxEpochs < epochs) return [];
  const expected = `less than ${epochs}, which is epochs: the margin would never come`;
  return [{ field: 'softmaxEpochs', expected, found: show(softmaxEpochs) }];
}

/** The stages of a network, first to last. The two MobileFaceNets have one less than IResNet. */
function stagesOf(backbone: TrainRequest['backbone']): readonly string[] {
  const stages = ['stem', 'stage1', 'stage2', 'stage3'];
  return backbone.startsWith('iresnet') ? [...stages, 'stage4'] : stages;
}

function checkFrozen({ backbone, freezeStages }: TrainRequest): RequestFault[] {
  if (freezeStages === undefined) return [];
  const stages = stagesOf(backbone);
  const first = stages.slice(0, freezeStages.length);
  if (freezeStages.every((stage) => first.includes(stage))) return [];
  const expected = `the first of ${stages.join(', ')} without a gap`;
  return [{ field: 'freezeStages', expected, found: show(freezeStages) }];
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
