import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import type { LayersGraph } from '../export/layers-graph.js';
import type { Layer, NamedRandom, NetworkBuffer, Parameter } from '../layers/layer.js';
import { Sequential } from '../layers/sequential.js';
import { MlError } from '../ml-error.js';

/**
 * A backbone whose first stages stay as they are: they run as in inference, with their moving statistics, and the
 * backward pass ends where they do. Weights are shared with the backbone inside.
 */
export class FrozenStages implements Backbone {
  readonly architecture: Backbone['architecture'];
  readonly embeddingSize: number;
  readonly imageSize: number;
  private readonly frozen: Sequential;
  private readonly trained: Sequential;

  /**
   * @param stages `stem`, `stage1`, …; the first ones of the backbone without a gap, in any order
   * @throws MlError `stages_unfit`
   */
  constructor(
    private readonly backbone: Backbone,
    stages: readonly string[],
  ) {
    ({
      architecture: this.architecture,
      embeddingSize: this.embeddingSize,
      imageSize: this.imageSize,
    } = backbone);
    const layers = backbone instanceof Sequential ? backbone.layers : [];
    const stageOfLayer = stagesOf(layers);
    const first = stageOfLayer.findIndex((stage) => stage === null || !stages.includes(stage));
    const frozenStages = new Set(stageOfLayer.slice(0, first));
    if (stages.some((stage) => !frozenStages.has(stage))) throw unfit(stageOfLayer, stages);
    this.frozen = new Sequential(layers.slice(0, first));
    this.trained = new Sequential(layers.slice(first));
  }

  get parameters(): readonly Parameter[] {
    return this.backbone.parameters;
  }

  /** Those that a training moves. */
  get trainedParameters(): readonly Parameter[] {
    return this.trained.parameters;
  }

  get buffers(): readonly NetworkBuffer[] {
    return this.backbone.buffers;
  }

  get randoms(): readonly NamedRandom[] {
    return this.backbone.randoms ?? [];
  }

  forward(x: Tensor, training: boolean): Tensor {
    return this.trained.forward(this.frozen.forward(x, false), training);
  }

  /** @returns the gradient of what the frozen stages gave; nothing goes further back */
  backward(dy: Tensor): Tensor {
    return this.trained.backward(dy);
  }

  toLayersModel(x: SymbolicTensor, graph: LayersGraph): SymbolicTensor {
    return this.backbone.toLayersModel(x, graph);
  }
}

/** The stage of each layer, null from the output on. `down1` leads into `stage1` and belongs to it; `stem2` to the stem. */
function stagesOf(layers: readonly Layer[]): (string | null)[] {
  let stage: string | null = 'stem';
  return layers.map((layer) => {
    const [entry] = [...layer.parameters, ...layer.buffers];
    if (entry === undefined) return stage;
    const [, kind, number = ''] = /^(stem|down|stage)(\d*)/.exec(entry.name) ?? [];
    if (kind === undefined) stage = null;
    else stage = kind === 'stem' ? 'stem' : `stage${number}`;
    return stage;
  });
}

function unfit(stageOfLayer: readonly (string | null)[], found: readonly string[]): MlError {
  const known = [...new Set(stageOfLayer)].filter((stage) => stage !== null);
  return new MlError(
    'stages_unfit',
    'user',
    `Expected freezeStages to name the first of ${known.join(', ')} without a gap; found ${found.join(', ')}.`,
  );
}
