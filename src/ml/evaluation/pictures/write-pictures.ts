import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Spec } from 'vega';
import type { EvaluationReport, ProtocolReports } from '../evaluation-report.js';
import { cmcChart, confusionChart, detChart, histogramChart, reliabilityChart, rocChart } from './charts.js';
import { renderSvg } from './render-svg.js';
import { reportPage } from './report-page.js';

export const PAGE_FILE = 'report.html';

/** Draws what the protocols found as SVG files, and one page with the figures and all pictures in it. */
export async function writePictures(
  dir: string,
  report: EvaluationReport,
  reports: ProtocolReports,
): Promise<void> {
  const pictures: { name: string; svg: string }[] = [];
  for (const [name, spec] of chartsOf(reports)) {
    const svg = await renderSvg(spec);
    await writeFile(join(dir, `${name}.svg`), svg);
    pictures.push({ name, svg });
  }
  await writeFile(join(dir, PAGE_FILE), reportPage(report, pictures));
}

function chartsOf({
  classification,
  calibration,
  verification,
  identification,
}: ProtocolReports): [string, Spec][] {
  const charts: [string, Spec][] = [];
  if (classification !== null && classification.confusion !== null) {
    const names = classification.perClass.map(({ name }) => name);
    charts.push(['confusion', confusionChart(classification.confusion, names)]);
  }
  if (calibration !== null) charts.push(['reliability', reliabilityChart(calibration.reliability)]);
  if (verification !== null) {
    const { curves, genuinePairs, impostorPairs, histogram } = verification;
    charts.push(['scores', histogramChart(histogram)]);
    if (curves !== null) {
      charts.push(['roc', rocChart(curves, impostorPairs)]);
      charts.push(['det', detChart(curves, { genuine: genuinePairs, impostor: impostorPairs })]);
    }
  }
  if (identification?.cmc) charts.push(['cmc', cmcChart(identification.cmc)]);
  return charts;
}
