// Reads vitest's JSON report: ci-summary.mjs REPORT. Prints each failed test, the slowest ones, and last, alone on its
// line, "N passed, N failed". Exit code 1 when a test or a file failed, 2 when the report says nothing.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const SLOWEST = 10;

/**
 * The parts of vitest's JSON report that are read here.
 * @typedef {{ fullName: string, status: string, duration?: number, failureMessages?: string[] }} ReportedTest
 * @typedef {{ name: string, status: string, message?: string, assertionResults: ReportedTest[] }} ReportedFile
 * @typedef {{ testResults?: ReportedFile[] }} Report
 */

/**
 * @param {Report} report
 * @param {string} root
 */
export function summarise(report, root) {
  const files = report.testResults ?? [];
  const tests = files.flatMap((file) =>
    file.assertionResults.map((test) => ({
      name: `${relative(root, file.name)} › ${test.fullName}`,
      status: test.status,
      seconds: (test.duration ?? 0) / 1000,
      reason: firstLine(test.failureMessages?.[0]),
    })),
  );
  // A file that cannot be imported has no tests; counted as one failure, else it would pass unseen.
  const brokenFiles = files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = tests.filter((test) => test.status === 'failed');
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    failed: failed.length + brokenFiles.length,
    skipped: tests.filter((test) => !['passed', 'failed'].includes(test.status)).length,
    failures: [
      ...failed.map((test) => `${test.name}\n    ${test.reason}`),
      ...brokenFiles.map((file) => `${relative(root, file.name)}\n    ${firstLine(file.message)}`),
    ],
    slowest: tests.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST),
  };
}

/** @param {string | undefined} text */
function firstLine(text) {
  return (text ?? '').split('\n')[0];
}

/** @param {ReturnType<typeof summarise>} summary */
export function formatSummary(summary) {
  const lines = ['Slowest tests:'];
  for (const test of summary.slowest) lines.push(`${test.seconds.toFixed(2).padStart(8)} s  ${test.name}`);
  if (summary.skipped > 0) lines.push(`Skipped: ${summary.skipped}`);
  for (const failure of summary.failures) lines.push(`FAILED  ${failure}`);
  lines.push(`${summary.passed} passed, ${summary.failed} failed`);
  return `${lines.join('\n')}\n`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  try {
    const summary = summarise(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')), process.cwd());
    process.stdout.write(formatSummary(summary));
    process.exitCode = summary.failed > 0 ? 1 : summary.passed === 0 ? 2 : 0;
  } catch (error) {
    process.stderr.write(`The test report cannot be read: ${/** @type {Error} */ (error).message}\n`);
    process.exitCode = 2;
  }
}
