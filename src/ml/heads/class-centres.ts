import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { Random } from '../data/random.js';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { type NamedRandom, type Parameter, setGradient, setSparseGradient } from '../layers/layer.js';
import { gatherRows } from '../layers/update-rows.js';
import { sampleClasses } from './partial-fc.js';

export type SamplingOptions = {
  readonly classCount: number;
  /** Rows of each parameter that belong to one class, side by side. */
  readonly rowsPerClass: number;
  /** Share of the classes that a step looks at; 1: all. */
  readonly sampleRate: number;
};

/** The part of the class parameters that one step works on. */
export type Selection = {
  /** Each parameter's rows, in the parameters' order. */
  readonly values: readonly Tensor[];
  /** [n], int32: each image's class among the selected ones. */
  readonly labels: Tensor1D;
  /** Leaves gradients, shaped like `values`, in the parameters, which own them then, and frees the selection. */
  finish(gradients: readonly Tensor[]): void;
};

/** Parameters with a row (or several) per class, and which of the classes each step looks at. */
export class ClassCentres {
  readonly randoms: readonly NamedRandom[];

  constructor(
    readonly parameters: readonly Parameter[],
    private readonly options: SamplingOptions,
    private readonly random: Random,
  ) {
    this.randoms = this.isSampled ? [{ name: 'head/sampler', random }] : [];
  }

  private get isSampled(): boolean {
    return this.options.sampleRate < 1;
  }

  /** @param labels [n], int32; stays the caller's */
  select(labels: Tensor1D): Selection {
    const { parameters } = this;
    if (this.isSampled) return this.selectSample(labels.dataSync() as Int32Array);
    return {
      values: parameters.map(({ value }) => value),
      labels,
      finish: (gradients) => parameters.forEach((one, i) => void setGradient(one, gradients[i] as Tensor)),
    };
  }

  private selectSample(labels: Int32Array): Selection {
    const { tf } = loadTensorFlow();
    const { parameters } = this;
    const { classes, positions } = sampleClasses(labels, this.options, this.random);
    const rows = tf.tensor1d(rowsOf(classes, this.options.rowsPerClass), 'int32');
    const values = parameters.map(({ value }) => gatherRows(value, rows));
    const indices = tf.tensor1d(positions, 'int32');
    return {
      values,
      labels: indices,
      finish: (gradients) => {
        for (const [i, parameter] of parameters.entries()) {
          setSparseGradient(parameter, { rows: rows.clone(), values: gradients[i] as Tensor });
        }
        tf.dispose([rows, indices, ...values]);
      },
    };
  }
}

function rowsOf(classes: Int32Array, rowsPerClass: number): Int32Array {
  if (rowsPerClass === 1) return classes;
  const rows = new Int32Array(classes.length * rowsPerClass);
  classes.forEach((index, i) => {
    for (let k = 0; k < rowsPerClass; k += 1) rows[i * rowsPerClass + k] = index * rowsPerClass + k;
  });
  return rows;
}
