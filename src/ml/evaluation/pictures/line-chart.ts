import type { Spec } from 'vega';
import { COLOURS } from './render-svg.js';

export type Series = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] };

export type AxisSpec = {
  readonly title: string;
  readonly domain: readonly [number, number];
  /** Points at or below 0 have no place on it and are left out. */
  readonly isLog?: boolean;
};

export type LineChart = {
  readonly title: string;
  readonly x: AxisSpec;
  readonly y: AxisSpec;
  readonly series: readonly Series[];
  /** A dashed grey line of chance or of perfection, from corner to corner. */
  readonly diagonal?: boolean;
  readonly dots?: boolean;
};

const SIDE = 360;

/** One or two lines over two axes. */
export function lineChart({ title, x, y, series, diagonal = false, dots = false }: LineChart): Spec {
  const isShown = ([a, b]: readonly [number, number]) => within(a, x) && within(b, y);
  const rows = series.flatMap(({ name, points }) =>
    points.filter(isShown).map(([a, b]) => ({ name, x: a, y: b })),
  );
  const ends = diagonal
    ? [
        { x: x.domain[0], y: y.domain[0] },
        { x: x.domain[1], y: y.domain[1] },
      ]
    : [];
  const place = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } } as const;
  return {
    width: SIDE,
    height: SIDE,
    title,
    data: [
      { name: 'rows', values: rows },
      { name: 'ends', values: ends },
    ],
    scales: [
      { name: 'x', type: x.isLog ? 'log' : 'linear', domain: [...x.domain], range: 'width', zero: false },
      { name: 'y', type: y.isLog ? 'log' : 'linear', domain: [...y.domain], range: 'height', zero: false },
      {
        name: 'colour',
        type: 'ordinal',
        domain: series.map(({ name }) => name),
        range: [COLOURS.first, COLOURS.second],
      },
      {
        name: 'dash',
        type: 'ordinal',
        domain: series.map(({ name }) => name),
        range: [
          [1, 0],
          [6, 3],
        ],
      },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: x.title, grid: true, ...(x.isLog ? { format: '.0e' } : {}) },
      { scale: 'y', orient: 'left', title: y.title, grid: true, ...(y.isLog ? { format: '.0e' } : {}) },
    ],
    ...(series.length > 1
      ? {
          legends: [
            {
              stroke: 'colour',
              strokeDash: 'dash',
              symbolType: 'stroke',
              orient: 'bottom',
              direction: 'horizontal',
              symbolSize: 400,
              labelLimit: 0,
            },
          ],
        }
      : {}),
    marks: [
      {
        type: 'line',
        from: { data: 'ends' },
        encode: { enter: { ...place, stroke: { value: COLOURS.faint }, strokeDash: { value: [4, 4] } } },
      },
      {
        type: 'group',
        from: { facet: { name: 'one', data: 'rows', groupby: 'name' } },
        marks: [
          {
            type: 'line',
            from: { data: 'one' },
            encode: {
              enter: {
                ...place,
                stroke: { scale: 'colour', field: 'name' },
                strokeDash: { scale: 'dash', field: 'name' },
                strokeWidth: { value: 2 },
              },
            },
          },
          ...(dots
            ? [
                {
                  type: 'symbol' as const,
                  from: { data: 'one' },
                  encode: {
                    enter: { ...place, fill: { scale: 'colour', field: 'name' }, size: { value: 40 } },
                  },
                },
              ]
            : []),
        ],
      },
    ],
  };
}

function within(value: number, { domain, isLog }: AxisSpec): boolean {
  return value <= domain[1] && (isLog ? value > 0 && value >= domain[0] : value >= domain[0]);
}
