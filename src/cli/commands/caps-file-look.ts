// Looks at the operands of `caps file get`: single files, and all below a directory.

import {
  lookAtFile,
  lookBelow,
  type CapabilityFile,
  type CapabilityFiles,
  type MountPrivileges,
} from '../../capabilities/capability-files.ts';
import { errorOfGap, type NsError } from '../../kernel/error.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import type { Progress } from '../define-command.ts';

/** An operand without capabilities. */
export interface Without {
  readonly path: string;
  readonly isFile: boolean;
}

/** What was found at all operands, in their order. */
export interface Look {
  readonly entries: (CapabilityFile | Without)[];
  readonly skipped: CapabilityFiles['skipped'][number][];
  readonly gaps: GapTally;
  /** Of the operands themselves. */
  readonly errors: NsError[];
  asked: number;
}

export function lookAt(
  host: Host,
  paths: readonly string[],
  isRecursive: boolean,
  mounts: MountPrivileges,
  progress: Progress,
): Look {
  const look: Look = { entries: [], skipped: [], gaps: new GapTally(), errors: [], asked: 0 };
  try {
    for (const operand of paths) {
      const path = operand.replace(/(?<=[^/])\/+$/, '');
      const kind = kindOf(host, path);
      if (typeof kind !== 'string') look.errors.push(errorOfGap(kind, `cannot look at ${path}`));
      else if (kind === 'directory' && isRecursive)
        below(host, path, mounts, look, (files, at) => progress.tell(() => `${look.asked + files} files, ${at}`));
      else if (kind === 'file') single(host, path, mounts, look);
      else look.entries.push({ path, isFile: false });
    }
  } finally {
    progress.end();
  }
  return look;
}

function kindOf(host: Host, path: string): 'file' | 'directory' | 'other' | Gap {
  if (host.readLink(path).ok) return 'other';
  const status = host.stat(path);
  if (!status.ok) return status.gap;
  const type = status.value.mode & S_IFMT;
  return type === S_IFREG ? 'file' : type === S_IFDIR ? 'directory' : 'other';
}

/** Source: include/uapi/linux/stat.h. */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;

function single(host: Host, path: string, mounts: MountPrivileges, look: Look): void {
  look.asked += 1;
  const file = lookAtFile(host, path, mounts);
  if (file.attribute.type === 'none') look.entries.push({ path, isFile: true });
  else if (file.attribute.type === 'gap') look.errors.push(errorOfGap(file.attribute.gap, `cannot read ${path}`));
  else look.entries.push(file);
}

function below(
  host: Host,
  path: string,
  mounts: MountPrivileges,
  look: Look,
  progress: (files: number, path: string) => void,
): void {
  const found = lookBelow(host, path, mounts, progress);
  if (!found.ok) {
    look.errors.push(errorOfGap(found.gap, `cannot look below ${path}`));
    return;
  }
  const { files, asked, skipped, gaps } = found.value;
  look.asked += asked;
  look.skipped.push(...skipped);
  for (const gap of gaps) look.gaps.add('directory', gap);
  for (const file of files) {
    if (file.attribute.type === 'gap') look.gaps.add('file', file.attribute.gap);
    else if (file.attribute.type !== 'none') look.entries.push(file);
  }
}
