// Reading one file of a cgroup: what this kernel or this level does not have is absent and no gap, what is closed is one.

import type { GapTally } from '../kernel/gap-tally.ts';
import type { Reading } from '../kernel/host.ts';
import type { CgroupFiles } from './files.ts';
import type { Level } from './groups.ts';

export type Parse<T> = (bytes: Uint8Array, file: string) => Reading<T>;

/** null: it cannot be read, which is a gap. undefined: there is no such file. */
export function readFrom<T>(
  { files }: { readonly files: Pick<CgroupFiles, 'read'> },
  level: Pick<Level, 'folder'>,
  name: string,
  parse: Parse<T>,
  gaps: GapTally,
): T | null | undefined {
  const path = `${level.folder}/${name}`;
  const bytes = files.read(path);
  const parsed = bytes.ok ? parse(bytes.value, path) : bytes;
  if (parsed.ok) return parsed.value;
  if (parsed.gap.reason === 'gone') return undefined;
  gaps.add('file of a cgroup', parsed.gap);
  return null;
}
