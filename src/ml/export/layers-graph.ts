import type { layers, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Engine } from '../engine/load-tensorflow.js';

type TfLayer = layers.Layer;

/** Collects the tfjs layers that a network turns into, with the values that they take once the model is built. */
export class LayersGraph {
  private readonly bindings: { layer: TfLayer; values: readonly Tensor[] }[] = [];

  constructor(readonly tf: Engine['tf']) {}

  /** Remembers the values of a layer's weights, in tfjs's own order; returns the layer. */
  bind(layer: TfLayer, values: readonly Tensor[]): TfLayer {
    this.bindings.push({ layer, values });
    return layer;
  }

  /** Copies the values into the layers. Call after the model was built, when the weights exist. */
  assignWeights(): void {
    for (const { layer, values } of this.bindings) {
      const shaped = layer.getWeights().map((weight, index) => {
        const value = values[index];
        if (value === undefined) throw new Error(`layer ${layer.name} has no value for weight ${index}`);
        return this.tf.reshape(value, weight.shape);
      });
      layer.setWeights(shaped);
      for (const tensor of shaped) tensor.dispose();
    }
  }
}
