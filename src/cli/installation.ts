// Where the parts of an installed nstool lie, seen from the bundle in dist/.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function nsexecPath(): string {
  return join(import.meta.dirname, '../native/nsexec');
}

export function version(): string {
  const text = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}
