// Where the parts of an installed nstool lie, seen from the bundle in dist/.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function nsexecPath(): string {
  return fileURLToPath(new URL('../native/nsexec', import.meta.url));
}

export function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const manifest = JSON.parse(text) as { version: string };
  return manifest.version;
}
