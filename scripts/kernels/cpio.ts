// Archives that the kernel unpacks as its first root. It takes several of them, one after the other.

import { closeSync, openSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './command.ts';

/** All below `folder`, owned by root. */
export function writeCpio(folder: string, file: string): void {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
  const output = openSync(file, 'w');
  try {
    run(['cpio', '--null', '--create', '--format=newc', '--owner=0:0', '--quiet'], {
      cwd: folder,
      input: names.join('\0'),
      stdio: ['pipe', output, 'pipe'],
    });
  } finally {
    closeSync(output);
  }
}
