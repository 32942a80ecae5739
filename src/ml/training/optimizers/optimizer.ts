import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../../engine/load-tensorflow.js';
import { disposeGradient, type Parameter } from '../../layers/layer.js';
import { updateRows } from '../../layers/update-rows.js';

/** Tensors by name; whoever holds the map disposes them. */
export type NamedTensors = Map<string, Tensor>;

/** What an optimizer remembers between two updates. */
export type OptimizerState = { readonly tensors: NamedTensors; readonly updates: number };

/** Moves parameters along their gradients. */
export interface Optimizer {
  /** Those that it moves; each needs a gradient for every update. */
  readonly parameters: readonly Parameter[];
  /** Updates every parameter from its gradient, which it frees. */
  step(learningRate: number): void;
  /** References to all slots, named `slot/parameter`, and the number of updates so far; the caller's to dispose. */
  state(): OptimizerState;
  /** Goes on from a state, which stays the caller's. @throws Error when a slot is missing or of another shape */
  restore(state: OptimizerState): void;
  dispose(): void;
}

/** One tensor per parameter, of its shape, that an optimizer carries from update to update; zero at first. */
export class Slots {
  private readonly tensors = new Map<Parameter, Tensor>();

  constructor(
    private readonly name: string,
    parameters: readonly Parameter[],
  ) {
    const { tf } = loadTensorFlow();
    for (const parameter of parameters) this.tensors.set(parameter, tf.zerosLike(parameter.value));
  }

  get(parameter: Parameter): Tensor {
    const tensor = this.tensors.get(parameter);
    if (tensor === undefined) throw new Error(`${parameter.name} is not among the optimizer's parameters`);
    return tensor;
  }

  /** Puts `next` in the place of the tensor before it, which it frees. */
  replace(parameter: Parameter, next: Tensor): void {
    this.get(parameter).dispose();
    this.tensors.set(parameter, next);
  }

  addTo(state: NamedTensors): void {
    for (const [parameter, tensor] of this.tensors) state.set(this.key(parameter), tensor.clone());
  }

  restore(state: NamedTensors): void {
    for (const [parameter, tensor] of this.tensors) {
      const kept = state.get(this.key(parameter));
      if (kept?.shape.join() !== tensor.shape.join()) {
        const found = kept === undefined ? 'nothing' : `[${kept.shape}]`;
        throw new Error(`expected ${this.key(parameter)} [${tensor.shape}], found ${found}`);
      }
      this.replace(parameter, kept.clone());
    }
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }

  private key(parameter: Parameter): string {
    return `${this.name}/${parameter.name}`;
  }
}

/**
 * Updates a parameter and its slots from its gradient, which is freed. Where the gradient is sparse, `next` sees its
 * rows alone and only they change: the other rows keep weights and slots, without decay or momentum.
 * @param slots all of the parameter's, one kind each
 * @param next new weights and slots from the old ones, in the order of `slots`; frees nothing it is given
 * @throws Error without a backward pass before the update
 */
export function updateParameter(
  parameter: Parameter,
  slots: readonly Slots[],
  next: (value: Tensor, slots: readonly Tensor[], gradient: Tensor) => readonly Tensor[],
): void {
  const { gradient, sparseGradient } = parameter;
  const tensors = [parameter.value, ...slots.map((slot) => slot.get(parameter))];
  let updated: readonly Tensor[];
  if (sparseGradient) {
    const { rows, values } = sparseGradient;
    updated = updateRows(tensors, rows, ([value, ...old]) => next(value as Tensor, old, values));
  } else if (gradient !== null) {
    const [value, ...old] = tensors;
    updated = next(value as Tensor, old, gradient);
  } else {
    throw new Error(`${parameter.name} has no gradient: expected a backward pass before each update`);
  }
  disposeGradient(parameter);
  parameter.value.dispose();
  parameter.value = updated[0] as Tensor;
  for (const [index, slot] of slots.entries()) slot.replace(parameter, updated[index + 1] as Tensor);
}

/**
 * Whether weight decay applies to a parameter. Spared are all of one dimension (batch norm's gamma and beta, biases,
 * PReLU's slopes), as timm's and CVLface's parameter groups do: pulling them to 0 does not regularise directions.
 */
export function isDecayed(parameter: Parameter, decayNormAndBias: boolean): boolean {
  return decayNormAndBias || parameter.value.rank > 1;
}
