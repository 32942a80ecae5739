/** Images of one class that are taken for another. */
export type ConfusedPair = {
  readonly trueClass: string;
  readonly predictedClass: string;
  readonly images: number;
  /** The first few of them by name, relative to the dataset. */
  readonly examples: readonly string[];
};

const LISTED_PAIRS = 20;
const LISTED_EXAMPLES = 5;

/** Counts which class is taken for which, with a few images of each; the order of images does not matter. */
export class ConfusedPairs {
  private readonly pairs = new Map<
    string,
    { label: number; predicted: number; images: number; examples: string[] }
  >();

  add(label: number, predicted: number, name: string | undefined): void {
    const key = `${label}/${predicted}`;
    const pair = this.pairs.get(key) ?? { label, predicted, images: 0, examples: [] };
    this.pairs.set(key, pair);
    pair.images += 1;
    if (name === undefined) return;
    pair.examples.push(name);
    pair.examples.sort();
    pair.examples.length = Math.min(pair.examples.length, LISTED_EXAMPLES);
  }

  /** The pairs with the most images, largest first. */
  worst(classNames: readonly string[]): ConfusedPair[] {
    return [...this.pairs.values()]
      .sort((a, b) => b.images - a.images || a.label - b.label || a.predicted - b.predicted)
      .slice(0, LISTED_PAIRS)
      .map(({ label, predicted, images, examples }) => ({
        trueClass: classNames[label] ?? '',
        predictedClass: classNames[predicted] ?? '',
        images,
        examples: [...examples],
      }));
  }
}
