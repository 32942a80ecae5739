import protobuf from 'protobufjs/light.js';

const { Field, Type } = protobuf;

/** Field numbers of ONNX's protocol buffer messages (onnx.proto, IR version 8), as far as a network needs them. */
type Fields = Readonly<Record<string, readonly [number: number, type: string, rule?: 'repeated']>>;

const MESSAGES: Readonly<Record<string, Fields>> = {
  ModelProto: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    graph: [7, 'GraphProto'],
    opsetImport: [8, 'OperatorSetIdProto', 'repeated'],
    metadataProps: [14, 'StringStringEntryProto', 'repeated'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  GraphProto: {
    node: [1, 'NodeProto', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto', 'repeated'],
    input: [11, 'ValueInfoProto', 'repeated'],
    output: [12, 'ValueInfoProto', 'repeated'],
  },
  NodeProto: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'AttributeProto', 'repeated'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    ints: [8, 'int64', 'repeated'],
    type: [20, 'int32'],
  },
  TensorProto: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
  },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensorType: [1, 'TensorTypeProto'] },
  TensorTypeProto: { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TensorShapeProto: { dim: [1, 'DimensionProto', 'repeated'] },
  DimensionProto: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
};

/** ONNX's numbers for what an attribute holds and for a tensor's type of value. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;
export const TENSOR_TYPE = { float32: 1, uint8: 2 } as const;

export type TensorProto = { name: string; dims: number[]; dataType: number; rawData: Uint8Array };
export type AttributeProto = { name: string; type: number; f?: number; i?: number; ints?: number[] };
export type NodeProto = {
  name: string;
  opType: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
};
export type DimensionProto = { dimValue: number } | { dimParam: string };
export type ValueInfoProto = {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: DimensionProto[] } } };
};
export type ModelProto = {
  irVersion: number;
  producerName: string;
  opsetImport: { domain: string; version: number }[];
  metadataProps: { key: string; value: string }[];
  graph: {
    name: string;
    node: NodeProto[];
    initializer: TensorProto[];
    input: ValueInfoProto[];
    output: ValueInfoProto[];
  };
};

export function encodeModel(model: ModelProto): Uint8Array {
  return modelType().encode(model).finish();
}

function modelType(): protobuf.Type {
  const root = new protobuf.Root();
  for (const [name, fields] of Object.entries(MESSAGES)) {
    const type = new Type(name);
    for (const [key, [id, kind, rule]] of Object.entries(fields)) type.add(new Field(key, id, kind, rule));
    root.add(type);
  }
  return root.lookupType('ModelProto');
}
