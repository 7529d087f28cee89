// Writes man/*.1 from the definitions of the commands; with --check says which are not current.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commands } from '../src/cli/commands/index.ts';
import { manPage, overviewPage } from './man-page.ts';

const folder = fileURLToPath(new URL('../man/', import.meta.url));
const definitions = await Promise.all(commands.map((entry) => entry.load()));
const pages = new Map([
  ['nstool.1', overviewPage(definitions)],
  ...definitions.map(
    (definition) => [`nstool-${definition.name.replaceAll(' ', '-')}.1`, manPage(definition)] as const,
  ),
]);

mkdirSync(folder, { recursive: true });
for (const [name, text] of pages) {
  const path = folder + name;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`man/${name} is not current: npm run man`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`man/${name}`);
  }
}
