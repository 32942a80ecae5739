import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../engine/load-tensorflow.js';
import { runOp } from '../engine/raw-op.js';

/** Cosines of a batch with all classes, before their normalisation by the centres' lengths. */
export type Similarities = {
  /** Products of unit embeddings and centres, [n, classes · subCenters]; a class's sub-centres lie side by side. */
  readonly products: Tensor2D;
  /** 1 / length of each centre, [classes · subCenters]: products · inverseLengths are the cosines. */
  readonly inverseLengths: Tensor1D;
  /** [n], int32: each image's class among those of `products`. */
  readonly labels: Tensor1D;
  readonly subCenters: number;
};

/** How a batch's cosines become logits. One entry per image where an array. */
export type Margins = {
  /** The label's cosine with margin, and its derivative. */
  readonly values: Float32Array;
  readonly slopes: Float32Array;
  /** What cosines are multiplied by. */
  readonly scales: Float32Array;
  /** Another class's cosine c above this counts as c · (hardLinear + c); infinite where none shall. */
  readonly hardAbove: Float32Array;
  readonly hardLinear: Float32Array;
  /** Another class's logit is 0 where its cosine lies above this (arcface_torch's interclass filter). */
  readonly filterAbove: number;
  /** Share of the target probability that is spread evenly over all classes. */
  readonly labelSmoothing: number;
};

/** Tensors are the caller's. Gradients are those of the mean loss. */
export type SoftmaxOutcome = {
  /** Cross entropy of each image, [n]. */
  readonly losses: Tensor;
  /** 1 where the label's cosine is the largest, the first of equals; else 0. [n] */
  readonly hits: Tensor;
  /** Gradient with respect to `products`, of their shape. */
  readonly productGradient: Tensor2D;
  /** Σ over images of gradient · cosine, for each centre: how the loss moves with the centre's length. [centres] */
  readonly radial: Tensor;
  /** Gradient with respect to `values`, [n]. */
  readonly valueGradient: Tensor;
  /** Gradient with respect to `scales`, [n]. */
  readonly scaleGradient: Tensor;
};

/**
 * Softmax with cross entropy over cosines with margins, and its gradient, in one pass over the products: they are
 * overwritten with their gradient, so a step holds one [n, classes] matrix. Consumes `products`.
 */
export function marginSoftmax(similarities: Similarities, margins: Margins): SoftmaxOutcome {
  const { tf, hasKernels } = loadTensorFlow();
  const { products, inverseLengths, labels, subCenters } = similarities;
  if (!hasKernels) return composedMarginSoftmax(similarities, margins);
  const rows = [margins.values, margins.slopes, margins.scales, margins.hardAbove, margins.hardLinear];
  const table = tf.tensor2d(concatenate(rows), [rows.length, labels.size]);
  const attributes = {
    sub_centers: { int: subCenters },
    filter_above: { float: margins.filterAbove },
    label_smoothing: { float: margins.labelSmoothing },
  };
  const inputs = [products, inverseLengths, labels, table];
  const outputs = runOp('ArcqueueMarginSoftmax', attributes, inputs, 6);
  products.dispose();
  table.dispose();
  const [losses, hits, productGradient, radial, valueGradient, scaleGradient] = outputs as SixTensors;
  const gradient = productGradient as Tensor2D;
  return { losses, hits, productGradient: gradient, radial, valueGradient, scaleGradient };
}

type SixTensors = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];

/** Twin of the kernel, of TensorFlow's own operations. */
export function composedMarginSoftmax(similarities: Similarities, margins: Margins): SoftmaxOutcome {
  const { tf } = loadTensorFlow();
  const { products, inverseLengths, labels, subCenters } = similarities;
  const [count, centres] = products.shape;
  const classes = centres / subCenters;
  const { labelSmoothing } = margins;
  const outcome = tf.tidy(() => {
    const column = (values: Float32Array) => tf.tensor2d(values, [count, 1]);
    const perCentre = tf.reshape(tf.mul(products, inverseLengths), [count, classes, subCenters]);
    const cosine = tf.max(perCentre, 2) as Tensor2D; // [n, classes]
    const targets = tf.stack([tf.range(0, count, 1, 'int32'), labels], 1) as Tensor2D; // [n, 2]
    const others = transformOthers(cosine, margins);
    const value = tf.tensorScatterUpdate(others.value, targets, tf.tensor1d(margins.values));
    const derivative = tf.tensorScatterUpdate(others.derivative, targets, tf.tensor1d(margins.slopes));
    const scales = column(margins.scales);
    const logits = tf.mul(value, scales) as Tensor2D;
    const plain = softmaxCrossEntropy(logits, labels);
    // Smoothing moves a share of the target from the label to the mean of all classes.
    const moved = tf.sub(tf.gatherND(logits, targets), tf.mean(logits, 1));
    const losses = tf.add(plain.losses, tf.mul(moved, labelSmoothing));
    const atLabel = tf.add(tf.gatherND(plain.gradient, targets), labelSmoothing) as Tensor1D;
    const smoothed = tf.tensorScatterUpdate(plain.gradient, targets, atLabel);
    const perLogit = tf.div(tf.sub(smoothed, labelSmoothing / classes), count);
    const perValue = tf.mul(perLogit, scales);
    const perCosine = tf.mul(perValue, derivative);
    const nearest = tf.expandDims(tf.argMax(perCentre, 2).toInt(), 2);
    const isNearest = tf.equal(nearest, tf.range(0, subCenters, 1, 'int32')); // [n, classes, subCenters]
    const spread = tf.where(isNearest, tf.expandDims(perCosine, 2), tf.zerosLike(perCentre));
    return {
      losses,
      hits: tf.cast(tf.equal(tf.argMax(cosine, 1).toInt(), labels), 'float32'),
      productGradient: tf.mul(tf.reshape(spread, [count, centres]), inverseLengths) as Tensor2D,
      radial: tf.reshape(tf.sum(tf.mul(spread, perCentre), 0), [centres]),
      valueGradient: tf.gatherND(perValue, targets),
      scaleGradient: tf.sum(tf.mul(perLogit, value), 1),
    };
  });
  products.dispose();
  return outcome;
}

/** The other classes' cosines as they enter the logits, and the derivative; both [n, classes]. */
function transformOthers(cosine: Tensor2D, { hardAbove, hardLinear, filterAbove }: Margins) {
  const { tf } = loadTensorFlow();
  const column = (values: Float32Array) => tf.tensor2d(values, [cosine.shape[0], 1]);
  let value: Tensor = cosine;
  let derivative: Tensor = tf.onesLike(cosine);
  if (hardAbove.some(Number.isFinite)) {
    const isHard = tf.greater(cosine, column(hardAbove));
    const linear = column(hardLinear);
    value = tf.where(isHard, tf.mul(cosine, tf.add(cosine, linear)), value);
    derivative = tf.where(isHard, tf.add(tf.mul(cosine, 2), linear), derivative);
  }
  if (Number.isFinite(filterAbove)) {
    const isFiltered = tf.greater(cosine, filterAbove);
    value = tf.where(isFiltered, tf.zerosLike(value), value);
    derivative = tf.where(isFiltered, tf.zerosLike(value), derivative);
  }
  return { value, derivative };
}

/** Per-image loss [n] and its gradient with respect to the logits, softmax − one-hot, [n, classes]. */
function softmaxCrossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; gradient: Tensor } {
  const types = { T: { dtype: 'float32' }, Tlabels: { dtype: 'int32' } } as const;
  const [losses, gradient] = runOp('SparseSoftmaxCrossEntropyWithLogits', types, [logits, labels], 2);
  return { losses: losses as Tensor, gradient: gradient as Tensor };
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Float32Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
