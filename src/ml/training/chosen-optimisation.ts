import type { Optimisation, OptimisationSettings } from './optimisation-settings.js';
import type { Decay } from './schedule.js';

/** All choices that a training was made with, as the fields of a request that asks for the same; what is off has no field. */
export function chosenOptimisation(optimisation: Optimisation): Partial<OptimisationSettings> {
  const { optimizer, decay, clip, finalLearningRate, emaDecay, patience, ...same } = optimisation;
  const { kind, ...settings } = optimizer;
  return {
    ...same,
    optimizer: kind,
    ...settings,
    ...scheduleFields(decay, finalLearningRate),
    ...(clip === null ? {} : { clipNorm: clip.norm, clipScope: clip.scope }),
    ...(emaDecay === null ? {} : { emaDecay }),
    ...(patience === null ? {} : { patience }),
  };
}

function scheduleFields(decay: Decay, finalLearningRate: number): Partial<OptimisationSettings> {
  switch (decay.kind) {
    case 'polynomial':
      return { schedule: decay.kind, schedulePower: decay.power, finalLearningRate };
    case 'cosine':
      return { schedule: decay.kind, finalLearningRate };
    case 'step':
      return { schedule: decay.kind, scheduleMilestones: decay.milestones, scheduleGamma: decay.gamma };
    case 'constant':
      return { schedule: decay.kind };
  }
}
