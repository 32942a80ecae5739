// A line plot with both axes logarithmic, as SVG: all that the benchmarks need, so no plotting library.

const WIDTH = 640;
const HEIGHT = 420;
const MARGIN = { left: 70, right: 150, top: 40, bottom: 50 };
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7']; // Okabe and Ito: told apart by colour-blind readers
const DASHES = ['', '6 4', '', '6 4'];

/**
 * @param {readonly {name: string, points: readonly (readonly [number, number])[]}[]} series values above 0
 * @param {{title: string, x: string, y: string}} labels
 * @returns {string} an SVG document
 */
export function plotLogLog(series, labels) {
  const points = series.flatMap((one) => one.points);
  const x = axis(
    points.map(([value]) => value),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = axis(
    points.map(([, value]) => value),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const [top, bottom, left, right] = [MARGIN.top, HEIGHT - MARGIN.bottom, MARGIN.left, WIDTH - MARGIN.right];
  const parts = [
    text(left, 24, labels.title, 'font-size="15"'),
    text((left + right) / 2, HEIGHT - 12, labels.x, 'text-anchor="middle"'),
    text(
      18,
      (top + bottom) / 2,
      labels.y,
      `text-anchor="middle" transform="rotate(-90 18 ${(top + bottom) / 2})"`,
    ),
    ...x.decades.flatMap((value) => [
      line(x.place(value), top, x.place(value), bottom),
      text(x.place(value), bottom + 18, value.toLocaleString('en'), 'text-anchor="middle"'),
    ]),
    ...y.decades.flatMap((value) => [
      line(left, y.place(value), right, y.place(value)),
      text(left - 8, y.place(value) + 4, value.toLocaleString('en'), 'text-anchor="end"'),
    ]),
    ...series.flatMap(({ name, points }, index) => {
      const path = points.map(([a, b]) => `${x.place(a).toFixed(1)},${y.place(b).toFixed(1)}`).join(' ');
      const stroke = `stroke="${COLOURS[index % 4]}" stroke-width="2" stroke-dasharray="${DASHES[index % 4]}"`;
      const legend = top + 20 * index;
      return [
        `<polyline points="${path}" fill="none" ${stroke}/>`,
        `<line x1="${right + 10}" y1="${legend}" x2="${right + 34}" y2="${legend}" ${stroke}/>`,
        text(right + 40, legend + 4, name, ''),
      ];
    }),
  ];
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  const background = `<title>${labels.title}</title>\n<rect width="100%" height="100%" fill="white"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">\n${[background, ...parts].join('\n')}\n</svg>\n`;
}

/** Whole decades around the values, and where a value lies between two pixels. */
function axis(values, start, end) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    decades: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    place: (value) => start + ((Math.log10(value) - low) / (high - low)) * (end - start),
  };
}

const line = (x1, y1, x2, y2) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
const text = (x, y, content, attributes) => `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
