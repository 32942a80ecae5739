import { type EvaluationReport, toResult } from '../evaluation-report.js';

export type Picture = { readonly name: string; readonly svg: string };

const STYLE = `body{font:15px/1.45 sans-serif;color:#111;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
td{border-bottom:1px solid #ddd;padding:.2rem .6rem .2rem 0;vertical-align:top;overflow-wrap:anywhere}td:first-child{width:45%}
figure{display:inline-block;margin:.5rem 1rem 1rem 0;max-width:100%}svg{max-width:100%;height:auto}
@media print{figure,tr{break-inside:avoid}}`;

/** One page that needs no other file: every figure of the job's result, and the pictures. */
export function reportPage(report: EvaluationReport, pictures: readonly Picture[]): string {
  const rows = flatten(toResult(report)).map(
    ([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
  );
  const figures = pictures.map(
    ({ name, svg }) => `<figure role="img" aria-label="${escapeHtml(name)}">${svg}</figure>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Evaluation of ${escapeHtml(report.model)}</title>
<style>${STYLE}</style></head>
<body>
<h1>Evaluation of ${escapeHtml(report.model)}</h1>
<p>${escapeHtml(report.protocols.join(', '))}. Dataset ${escapeHtml(report.datasetHash)}.</p>
<h2>Pictures</h2>
${figures.join('\n')}
<h2>Figures</h2>
<table>
${rows.join('\n')}
</table>
</body>
</html>
`;
}

/** Nested values by a dotted name. */
function flatten(value: unknown, name = ''): [string, string][] {
  if (value === null || typeof value !== 'object') return [[name, toText(value)]];
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(inner, name === '' ? key : `${name}.${key}`),
  );
}

function toText(value: unknown): string {
  if (value === null) return 'unknown';
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(5)));
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
