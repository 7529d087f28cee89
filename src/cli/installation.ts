// Where the parts of an installed nstool lie, seen from the bundle in dist/.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function nsexecPath(): string {
  return join(import.meta.dirname, '../native/nsexec');
}

/** What starts nstool once more, as words of a command line. */
export function ourselves(): readonly string[] {
  return [process.execPath, join(import.meta.dirname, '../bin/nstool.cjs')];
}

/** What a finding of the audit means. undefined: there is no page of that name. */
export function findingPage(code: string): string | undefined {
  if (!/^[A-Z][0-9]{1,2}$/.test(code)) return undefined;
  try {
    return readFileSync(join(import.meta.dirname, `../docs/findings/${code}.md`), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A script or style that the build made for a page. */
export function pagePart(name: 'graph-page.js' | 'graph-page.css'): string {
  return readFileSync(join(import.meta.dirname, '../dist', name), 'utf8').trimEnd();
}

export function version(): string {
  const text = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}
