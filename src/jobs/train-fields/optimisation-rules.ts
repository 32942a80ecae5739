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
  { fields: ['patience'], needs: 'a validationFraction above 0', isMet: (r) => r.validationFraction > 0 },
];

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
  const { learningRate, finalLearningRate } = request;
  if (learningRate === 'auto' && finalLearningRate !== undefined) {
    const expected = 'nothing, or a learningRate that is a number';
    faults.push({ field: 'finalLearningRate', expected, found: show(finalLearningRate) });
  } else if (
    learningRate !== undefined &&
    finalLearningRate !== undefined &&
    finalLearningRate > Number(learningRate)
  ) {
    const expected = `at most ${learningRate}, which is learningRate`;
    faults.push({ field: 'finalLearningRate', expected, found: show(finalLearningRate) });
  }
  return faults;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
