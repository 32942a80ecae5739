import { parse, resetSVGDefIds, type Spec, View } from 'vega';

/** Of Okabe and Ito (2008): told apart by colour-blind readers, and in grey print by their dashes. */
export const COLOURS = { first: '#0072B2', second: '#D55E00', faint: '#999999' } as const;
const FONT = 'sans-serif';

/** Draws a Vega specification. Nothing is measured with a canvas, so that the same specification gives the same bytes. */
export async function renderSvg(spec: Spec): Promise<string> {
  const config = {
    axis: { labelFont: FONT, titleFont: FONT, labelFontSize: 11, titleFontSize: 12, gridColor: '#dddddd' },
    legend: { labelFont: FONT, titleFont: FONT, labelFontSize: 11 },
    title: { font: FONT, fontSize: 14 },
  };
  const view = new View(parse({ padding: 8, background: 'white', ...spec }, config), { renderer: 'none' });
  // Gradients are numbered through the process; of the pictures on one page one at most has any.
  resetSVGDefIds();
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
