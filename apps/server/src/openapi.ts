import { writeFile } from 'node:fs/promises';
import { openApiDocument } from './api/app.ts';

await writeFile(process.argv[2] ?? 'openapi.json', `${JSON.stringify(await openApiDocument(), null, 2)}\n`);
