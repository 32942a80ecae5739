import { describe, expect, it } from 'vitest';
import { reliability } from '../../../../src/ml/evaluation/metrics/reliability.js';
import {
  cmcChart,
  confusionChart,
  detChart,
  histogramChart,
  reliabilityChart,
  rocChart,
} from '../../../../src/ml/evaluation/pictures/charts.js';
import { COLOURS, renderSvg } from '../../../../src/ml/evaluation/pictures/render-svg.js';
import { reportPage } from '../../../../src/ml/evaluation/pictures/report-page.js';
import { scoreHistogram } from '../../../../src/ml/evaluation/verification/score-histogram.js';

const curves = {
  falseAccept: [0, 0, 0.01, 0.5, 1],
  trueAccept: [0, 0.5, 0.8, 1, 1],
  falseReject: [1, 0.5, 0.2, 0, 0],
};
const empty = { falseAccept: [], trueAccept: [], falseReject: [] };
const nothing = reliability([], [], 15);
const measured = reliability([0.2, 0.7, 0.95], [0, 1, 1], 15);
const scored = { cosines: Float64Array.of(-1, -0.96, 0, 1), genuine: Uint8Array.of(0, 0, 1, 1) };

describe.each([
  ['ROC', () => rocChart(curves, 100), 'True accept rate'],
  ['DET', () => detChart(curves, { genuine: 10, impostor: 100 }), 'False reject rate'],
  ['histogram', () => histogramChart(scoreHistogram(scored)), 'Share of pairs in bin'],
  ['reliability', () => reliabilityChart({ before: nothing, after: measured }), 'Accuracy of bin'],
  ['CMC', () => cmcChart([0.5, 0.75, 1]), 'Rank'],
  [
    'confusion',
    () =>
      confusionChart(
        [
          [3, 1],
          [0, 2],
        ],
        ['<a&b>', 'c'],
      ),
    'Predicted class',
  ],
])('the picture of a %s', (_, chart, label) => {
  it('is an SVG with its axes, without a number that is none, and the same when drawn again', async () => {
    const svg = await renderSvg(chart());
    expect(svg).toMatch(/^<svg xmlns/);
    expect(svg).toContain(label);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(await renderSvg(chart())).toBe(svg);
  });
});

describe('pictures', () => {
  it('tell two lines apart by colour and by dashes', async () => {
    const svg = await renderSvg(histogramChart(scoreHistogram(scored)));
    for (const colour of [COLOURS.first, COLOURS.second]) expect(svg).toContain(`stroke="${colour}"`);
    expect(svg).toContain('stroke-dasharray="6,3"');
  });

  it('leave out of a logarithmic axis what has no place on it', async () => {
    const svg = await renderSvg(rocChart(curves, 100));
    // Points at 0.01, 0.5 and 1: two steps to a line, after its start.
    expect(svg.match(/d="M[^"]*L[^"]*L[^"]*"/g)).toHaveLength(1);
  });

  it('draw axes where there is nothing to show', async () => {
    for (const spec of [
      rocChart(empty, 0),
      cmcChart([]),
      reliabilityChart({ before: nothing, after: nothing }),
    ]) {
      expect(await renderSvg(spec)).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it('show class names as text, and none for many classes', async () => {
    expect(
      await renderSvg(
        confusionChart(
          [
            [1, 0],
            [0, 1],
          ],
          ['<a&b>', 'c'],
        ),
      ),
    ).toContain('&lt;a&amp;b&gt;');
    const many = Array.from({ length: 60 }, (_, i) => `class ${i}`);
    const svg = await renderSvg(
      confusionChart(
        many.map(() => many.map(() => 1)),
        many,
      ),
    );
    expect(svg).not.toContain('class 7<');
  });
});

describe('scoreHistogram', () => {
  it('shares out each kind of pairs over [−1, 1]', () => {
    const { edges, genuine, impostor } = scoreHistogram(scored);
    expect([edges.length, edges[0], edges.at(-1)]).toEqual([51, -1, 1]);
    expect([genuine[25], genuine[49]]).toEqual([0.5, 0.5]);
    expect(impostor[0]).toBe(0.5);
    expect(impostor.reduce((a, b) => a + b)).toBe(1);
    expect(scoreHistogram({ cosines: new Float64Array(), genuine: new Uint8Array() }).genuine[0]).toBe(0);
  });
});

describe('reportPage', () => {
  it('needs no other file, shows every figure, and lets no name become markup', () => {
    const report = {
      model: '<script>',
      protocols: ['classification'],
      datasetHash: 'abc',
      accuracy: 1 / 3,
      meanConfidence: null,
      strangers: { images: 4 },
    } as unknown as Parameters<typeof reportPage>[0];
    const page = reportPage(report, [{ name: 'roc', svg: '<svg></svg>' }]);
    expect(page).not.toContain('<script>');
    expect(page).not.toMatch(/src=|href=|@import/);
    expect(page).toContain('<td>accuracy</td><td>0.33333</td>');
    expect(page).toContain('<td>meanConfidence</td><td>unknown</td>');
    expect(page).toContain('<td>strangers.images</td><td>4</td>');
    expect(page).toContain('<svg></svg>');
  });
});
