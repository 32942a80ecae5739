import type { Random } from '../data/random.js';
import { BatchNorm } from '../layers/batch-norm.js';
import { Conv2d } from '../layers/conv2d.js';
import { Dense } from '../layers/dense.js';
import { DepthwiseConv2d } from '../layers/depthwise-conv2d.js';
import { Flatten } from '../layers/flatten.js';
import type { Layer } from '../layers/layer.js';
import { PairedConv2d } from '../layers/paired-conv2d.js';
import { Prelu } from '../layers/prelu.js';
import { Residual } from '../layers/residual.js';
import { Sequential } from '../layers/sequential.js';
import { kaimingFanOut, normalTensor } from './initialise.js';
import type { LayersOptions } from './layers-options.js';

const LAST_CHANNELS = 512;

type Variant = {
  /** Channels of the stem and the first stage; the later stages have twice as many. */
  readonly width: number;
  readonly pairedStem: boolean;
  /** Whether a depthwise kernel's initial values are those of PyTorch, whose fan-out counts every channel. */
  readonly pytorchFanOut: boolean;
};

const VARIANTS = {
  /** The 64-channel network; its depthwise fan-out counts one channel, as each kernel feeds one only. */
  mobilefacenet: { width: 64, pairedStem: false, pytorchFanOut: false },
  /** arcface_torch's `mbf`, which is `scale` 2 of the same code; its second convolution is in 64 groups. */
  mbf: { width: 128, pairedStem: true, pytorchFanOut: true },
} as const satisfies Record<string, Variant>;

/**
 * MobileFaceNet (Chen et al. 2018, arXiv:1804.07573) in the form of arcface_torch's `backbones/mobilefacenet.py`, whose
 * `scale` of 1 and 2 are the two variants: a depthwise output convolution over the whole last map, embedding by a
 * linear layer and batch norm.
 */
export function mobilefacenetLayers(variant: keyof typeof VARIANTS, options: LayersOptions): Layer[] {
  const { embeddingSize, lastSide, random, beforeLinear } = options;
  const { width, pairedStem, pytorchFanOut } = VARIANTS[variant];
  const wide = 2 * width;
  const build = new MobilefacenetParts(random, pytorchFanOut);
  const keepSize = { kernel: 3, stride: 1, padding: 1 };
  return [
    ...build.convBlock('stem', { in: 3, out: width, kernel: 3, stride: 2, padding: 1, first: true }),
    ...(pairedStem
      ? build.pairedBlock('stem2', width, keepSize)
      : build.depthwiseBlock('stem2', width, keepSize)),
    ...build.bottleneck('down1', { in: width, groups: 128, out: width, stride: 2 }),
    ...build.residuals('stage1', 4, width, 128),
    ...build.bottleneck('down2', { in: width, groups: 256, out: wide, stride: 2 }),
    ...build.residuals('stage2', 6, wide, 256),
    ...build.bottleneck('down3', { in: wide, groups: 512, out: wide, stride: 2 }),
    ...build.residuals('stage3', 2, wide, 256),
    ...build.convBlock('expand', { in: wide, out: LAST_CHANNELS, kernel: 1, stride: 1, padding: 0 }),
    build.depthwise('output.conv', LAST_CHANNELS, { kernel: lastSide, stride: 1, padding: 0 }),
    new BatchNorm('output.bn', LAST_CHANNELS),
    new Flatten('output.flatten'),
    ...beforeLinear,
    build.linear('embedding.fc', LAST_CHANNELS, embeddingSize),
    new BatchNorm('embedding.bn', embeddingSize),
  ];
}

type Shape = { readonly kernel: number; readonly stride: number; readonly padding: number };
type ConvOptions = Shape & { readonly in: number; readonly out: number; readonly first?: boolean };

class MobilefacenetParts {
  constructor(
    private readonly random: Random | null,
    private readonly pytorchFanOut: boolean,
  ) {}

  conv(name: string, { in: inputs, out, first = false, ...shape }: ConvOptions): Layer {
    const deviation = kaimingFanOut(shape.kernel, out);
    const kernel = normalTensor([shape.kernel, shape.kernel, inputs, out], deviation, this.random);
    return new Conv2d(name, kernel, shape, { inputGradient: !first });
  }

  depthwise(name: string, channels: number, shape: Shape): Layer {
    const deviation = kaimingFanOut(shape.kernel, this.pytorchFanOut ? channels : 1);
    const kernel = normalTensor([shape.kernel, shape.kernel, channels, 1], deviation, this.random);
    return new DepthwiseConv2d(name, kernel, shape);
  }

  linear(name: string, inputs: number, outputs: number): Layer {
    const kernel = normalTensor([inputs, outputs], kaimingFanOut(1, outputs), this.random);
    return new Dense(name, kernel, { bias: false });
  }

  convBlock(name: string, options: ConvOptions): Layer[] {
    return [
      this.conv(`${name}.conv`, options),
      new BatchNorm(`${name}.bn`, options.out),
      new Prelu(`${name}.prelu`, options.out),
    ];
  }

  depthwiseBlock(name: string, channels: number, shape: Shape): Layer[] {
    return [
      this.depthwise(`${name}.conv`, channels, shape),
      new BatchNorm(`${name}.bn`, channels),
      new Prelu(`${name}.prelu`, channels),
    ];
  }

  /** 3×3 in groups of two channels. */
  pairedBlock(name: string, channels: number, shape: Shape): Layer[] {
    const deviation = kaimingFanOut(shape.kernel, channels);
    const kernel = normalTensor([shape.kernel, shape.kernel, channels, 2], deviation, this.random);
    return [
      new PairedConv2d(`${name}.conv`, kernel, shape),
      new BatchNorm(`${name}.bn`, channels),
      new Prelu(`${name}.prelu`, channels),
    ];
  }

  /** 1×1 to `groups` channels, 3×3 depthwise, linear 1×1 to `out`. */
  bottleneck(name: string, options: { in: number; groups: number; out: number; stride: number }): Layer[] {
    const { in: inputs, groups, out, stride } = options;
    return [
      ...this.convBlock(`${name}.expand`, { in: inputs, out: groups, kernel: 1, stride: 1, padding: 0 }),
      ...this.depthwiseBlock(`${name}.depthwise`, groups, { kernel: 3, stride, padding: 1 }),
      this.conv(`${name}.project.conv`, { in: groups, out, kernel: 1, stride: 1, padding: 0 }),
      new BatchNorm(`${name}.project.bn`, out),
    ];
  }

  residuals(name: string, count: number, channels: number, groups: number): Layer[] {
    return Array.from({ length: count }, (_, index) => {
      const blockName = `${name}.block${index}`;
      const branch = this.bottleneck(blockName, { in: channels, groups, out: channels, stride: 1 });
      return new Residual(blockName, new Sequential(branch), null);
    });
  }
}
