import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderOpenApi } from './render-openapi.js';

// The compiled file and its source lie equally deep below the repository's root.
const target = fileURLToPath(new URL('../../openapi/openapi.json', import.meta.url));
await mkdir(dirname(target), { recursive: true });
await writeFile(target, await renderOpenApi());
