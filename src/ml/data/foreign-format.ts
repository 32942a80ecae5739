/** Formats that are met under an image's ending and are not read, by the bytes that they begin with. */
const SIGNATURES: readonly (readonly [start: string, name: string])[] = [
  ['GIF8', 'a GIF'],
  ['BM', 'a BMP'],
  ['%PDF', 'a PDF'],
  ['%!PS', 'a PostScript file'],
  ['8BPS', 'a Photoshop file'],
  ['\xff\x0a', 'a JPEG XL file'],
  ['\0\0\0\x0cJXL ', 'a JPEG XL file'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 file'],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 file'],
  ['\0\0\x01\0', 'an icon'],
  ['P1', 'a bitmap of netpbm'],
  ['P4', 'a bitmap of netpbm'],
  ['P7', 'a PAM file'],
  ['PK\x03\x04', 'a ZIP archive'],
  ['\x1f\x8b', 'a gzip file'],
];
/** Bytes that an SVG may hold before its first element: a declaration, comments, a document type. */
const SVG_SEARCH_BYTES = 1024;

/** What a file is that is none of the formats of a dataset, where its first bytes tell; else null. */
export function foreignFormat(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SVG_SEARCH_BYTES));
  const text = start.toString('latin1');
  const signature = SIGNATURES.find(([begin]) => text.startsWith(begin));
  if (signature !== undefined) return signature[1];
  if (!/^(\xef\xbb\xbf)?\s*</.test(text)) return null;
  return /<svg[\s>]/i.test(text) ? 'an SVG' : 'XML or HTML';
}
