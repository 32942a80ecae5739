import { type FileHandle, open } from 'node:fs/promises';

/** Rows that are held before they are written. */
const ROWS_A_WRITE = 10_000;

type Cell = string | number | null;

/** Writes a CSV (RFC 4180, line feeds) row by row, with few rows in memory. `close` must follow, whatever happens. */
export class CsvWriter {
  private rows: string[] = [];

  private constructor(private readonly file: FileHandle) {}

  static async open(path: string, columns: readonly string[]): Promise<CsvWriter> {
    const writer = new CsvWriter(await open(path, 'w'));
    await writer.add(columns);
    return writer;
  }

  async add(cells: readonly Cell[]): Promise<void> {
    this.rows.push(`${cells.map(toCell).join(',')}\n`);
    if (this.rows.length >= ROWS_A_WRITE) await this.flush();
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.file.close();
    }
  }

  private async flush(): Promise<void> {
    const text = this.rows.join('');
    this.rows = [];
    await this.file.writeFile(text);
  }
}

function toCell(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
