// Where the parts of an installed nstool lie, seen from the bundle in dist/.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function nsexecPath(): string {
  return fileURLToPath(new URL('../native/nsexec', import.meta.url));
}

export function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}
