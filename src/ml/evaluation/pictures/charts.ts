import type { Spec } from 'vega';
import type { Reliability } from '../metrics/reliability.js';
import type { ScoreHistogram } from '../verification/score-histogram.js';
import { lineChart } from './line-chart.js';
import { COLOURS } from './render-svg.js';

/** Class names are drawn up to this number of classes. */
const NAMED_CLASSES = 40;
const SIDE = 360;

export type VerificationCurves = {
  readonly falseAccept: readonly number[];
  readonly trueAccept: readonly number[];
  readonly falseReject: readonly number[];
};

/** ROC with false accepts on a logarithmic axis, from one impostor pair on. */
export function rocChart({ falseAccept, trueAccept }: VerificationCurves, impostorPairs: number): Spec {
  return lineChart({
    title: 'ROC',
    x: { title: 'False accept rate', domain: [lowestDecade(impostorPairs), 1], isLog: true },
    y: { title: 'True accept rate', domain: [0, 1] },
    series: [{ name: 'pairs', points: falseAccept.map((rate, i) => [rate, trueAccept[i] as number]) }],
  });
}

/** DET: both error rates on logarithmic axes. */
export function detChart(
  { falseAccept, falseReject }: VerificationCurves,
  pairs: { genuine: number; impostor: number },
): Spec {
  return lineChart({
    title: 'DET',
    x: { title: 'False accept rate', domain: [lowestDecade(pairs.impostor), 1], isLog: true },
    y: { title: 'False reject rate', domain: [lowestDecade(pairs.genuine), 1], isLog: true },
    series: [{ name: 'pairs', points: falseAccept.map((rate, i) => [rate, falseReject[i] as number]) }],
  });
}

export function histogramChart({ edges, genuine, impostor }: ScoreHistogram): Spec {
  const outline = (shares: readonly number[]) =>
    shares.flatMap((share, i): [number, number][] => [
      [edges[i] as number, share],
      [edges[i + 1] as number, share],
    ]);
  const highest = Math.max(...genuine, ...impostor, 0.01);
  return lineChart({
    title: 'Scores',
    x: { title: 'Cosine', domain: [-1, 1] },
    y: { title: 'Share of pairs in bin', domain: [0, highest] },
    series: [
      { name: 'genuine', points: outline(genuine) },
      { name: 'impostor', points: outline(impostor) },
    ],
  });
}

export function reliabilityChart({
  before,
  after,
}: {
  readonly before: Reliability;
  readonly after: Reliability;
}): Spec {
  const points = ({ bins }: Reliability) =>
    bins.flatMap(({ meanConfidence, accuracy }): [number, number][] =>
      meanConfidence === null || accuracy === null ? [] : [[meanConfidence, accuracy]],
    );
  return lineChart({
    title: 'Reliability',
    x: { title: 'Mean confidence of bin', domain: [0, 1] },
    y: { title: 'Accuracy of bin', domain: [0, 1] },
    series: [
      { name: 'at the fitted temperature', points: points(after) },
      { name: 'at temperature 1', points: points(before) },
    ],
    diagonal: true,
    dots: true,
  });
}

export function cmcChart(cmc: readonly number[]): Spec {
  return lineChart({
    title: 'CMC',
    x: { title: 'Rank', domain: [1, Math.max(2, cmc.length)] },
    y: { title: 'Share of mated probes found', domain: [0, 1] },
    series: [{ name: 'probes', points: cmc.map((share, i) => [i + 1, share]) }],
    dots: cmc.length <= 50,
  });
}

/** Images by true class (rows) and predicted class (columns), each row as shares of its images. */
export function confusionChart(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
): Spec {
  const cells = confusion.flatMap((row, label) => {
    const images = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({ label, predicted, share: images === 0 ? 0 : count / images }));
  });
  const domain = classNames.map((_, i) => i);
  const isNamed = classNames.length <= NAMED_CLASSES;
  const axis = { domain: false, ticks: false, labels: isNamed, labelLimit: 120 } as const;
  // Bands are numbered, since two classes could have one name after it is cut.
  const named = { labels: { update: { text: { signal: `names[datum.value]` } } } };
  return {
    width: SIDE,
    height: SIDE,
    title: 'Confusion',
    signals: [{ name: 'names', value: [...classNames] }],
    data: [{ name: 'cells', values: cells }],
    scales: [
      { name: 'x', type: 'band', domain, range: 'width' },
      { name: 'y', type: 'band', domain, range: 'height' },
      { name: 'colour', type: 'linear', domain: [0, 1], range: ['#ffffff', COLOURS.first] },
    ],
    axes: [
      {
        scale: 'x',
        orient: 'bottom',
        title: 'Predicted class',
        labelAngle: -90,
        labelAlign: 'right',
        labelBaseline: 'middle',
        ...axis,
        encode: named,
      },
      { scale: 'y', orient: 'left', title: 'True class', ...axis, encode: named },
    ],
    legends: [
      { fill: 'colour', title: 'Share of row', gradientLength: 120, orient: 'top', direction: 'horizontal' },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'cells' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'predicted' },
            y: { scale: 'y', field: 'label' },
            width: { scale: 'x', band: 1 },
            height: { scale: 'y', band: 1 },
            fill: { scale: 'colour', field: 'share' },
            stroke: { value: '#eeeeee' },
          },
        },
      },
    ],
  };
}

/** The power of ten at or below one pair's share. */
function lowestDecade(pairs: number): number {
  return 10 ** Math.floor(Math.log10(1 / Math.max(2, pairs)));
}
