import type { Tensor, TensorInfo } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from './load-tensorflow.js';

/** One attribute of a TensorFlow operation. The kind is stated because JavaScript has one number type only. */
export type Attribute =
  | { readonly int: number | readonly number[] }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly dtype: 'float32' | 'int32' };

type Binding = Record<string, number>;

/** The part of tfjs-node's backend that runs an operation by name; its own typings mark it private. */
type NodeBackend = {
  binding: Binding;
  executeMultipleOutputs(name: string, attributes: object[], inputs: TensorInfo[], count: number): Tensor[];
};

function encode(binding: Binding, name: string, attribute: Attribute): object {
  if ('int' in attribute) return { name, type: binding.TF_ATTR_INT, value: attribute.int };
  if ('float' in attribute) return { name, type: binding.TF_ATTR_FLOAT, value: attribute.float };
  if ('bool' in attribute) return { name, type: binding.TF_ATTR_BOOL, value: attribute.bool };
  if ('string' in attribute) return { name, type: binding.TF_ATTR_STRING, value: attribute.string };
  return {
    name,
    type: binding.TF_ATTR_TYPE,
    value: attribute.dtype === 'float32' ? binding.TF_FLOAT : binding.TF_INT32,
  };
}

/**
 * Runs a TensorFlow operation by its registered name, outside tfjs's tape and tidy: the caller owns the outputs.
 * @throws Error with TensorFlow's message when it refuses inputs or attributes
 */
export function runOp(
  name: string,
  attributes: Readonly<Record<string, Attribute>>,
  inputs: readonly TensorInfo[],
  outputCount = 1,
): Tensor[] {
  const { tf } = loadTensorFlow();
  const backend = tf.backend() as unknown as NodeBackend;
  const encoded = Object.entries(attributes).map(([key, value]) => encode(backend.binding, key, value));
  return backend.executeMultipleOutputs(name, encoded, [...inputs], outputCount);
}

/** As `runOp`, for an operation with one output. */
export function runSingleOp(
  name: string,
  attributes: Readonly<Record<string, Attribute>>,
  inputs: readonly TensorInfo[],
): Tensor {
  const [output] = runOp(name, attributes, inputs, 1);
  if (output === undefined) throw new Error(`TensorFlow's ${name} returned no output`);
  return output;
}
