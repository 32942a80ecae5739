import type { Parameter } from '../../layers/layer.js';
import type { OptimizerChoice } from '../optimisation-settings.js';
import { AdamW } from './adamw.js';
import type { Optimizer } from './optimizer.js';
import { Sgd } from './sgd.js';

export function buildOptimizer(parameters: readonly Parameter[], choice: OptimizerChoice): Optimizer {
  return choice.kind === 'sgd' ? new Sgd(parameters, choice) : new AdamW(parameters, choice);
}
