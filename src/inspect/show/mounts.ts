// The mounts of a process or mount namespace, and where what is mounted lies on our side.
// Source: proc_pid_mountinfo(5), mount_namespaces(7).

import { pathHere } from '../../containers/mount-identity.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host, Reading } from '../../kernel/host.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { mountinfoOf } from '../mount-table.ts';
import { hiddenMounts } from './hidden-mounts.ts';
import type { Field, Value } from './report.ts';

export interface ShownMount {
  readonly mount: Mount;
  /** The path of the same directory in our own mount namespace. Absent (null): its file system is not mounted here. */
  readonly here: string | null;
  /** The mount that lies over it. Absent (null): it can be reached. */
  readonly hiddenBy: Mount | null;
}

/** Absent (null) when unreadable. */
export function readMounts(host: Host, table: Reading<readonly Mount[]>, gaps: GapTally): readonly ShownMount[] | null {
  const own = known(mountinfoOf(host, 'self'), gaps) ?? [];
  const mounts = known(table, gaps);
  if (mounts === null) return null;
  const hidden = hiddenMounts(mounts);
  return mounts.map((mount) => {
    const here = pathHere(own, mount, mount.root) ?? null;
    return { mount, here, hiddenBy: hidden.get(mount.id) ?? null };
  });
}

function known(mounts: Reading<readonly Mount[]>, gaps: GapTally): readonly Mount[] | null {
  if (mounts.ok) return mounts.value;
  gaps.add('mount table', mounts.gap);
  return null;
}

/** `private`, or what mountinfo has in its optional fields. */
export function propagation({ optionalFields }: Mount): string {
  return optionalFields.length === 0 ? 'private' : optionalFields.join(',');
}

export function isReadOnly({ options, superOptions }: Mount): boolean {
  return options.includes('ro') || superOptions.includes('ro');
}

function mountValue({ mount, here, hiddenBy }: ShownMount): Value {
  return {
    id: mount.id,
    parent: mount.parentId,
    target: mount.mountPoint,
    source: mount.isSourceUntold === true ? null : mount.source,
    fstype: mount.fsType,
    root: mount.root,
    read_only: isReadOnly(mount),
    propagation: propagation(mount),
    here,
    hidden_by: hiddenBy?.id ?? null,
  };
}

function mountLine({ mount, here, hiddenBy }: ShownMount): string {
  const where = here ?? `${madeOf(mount)}${ofRemoved(mount)}`;
  const over = hiddenBy === null ? '' : ` (hidden by ${madeOf(hiddenBy)} on ${hiddenBy.mountPoint})`;
  return `${mount.mountPoint} ← ${where} ${isReadOnly(mount) ? 'ro' : 'rw'} ${propagation(mount)}${over}`;
}

/** The type and the source, as mountinfo has them. */
function madeOf({ fsType, source, isSourceUntold }: Mount): string {
  return `${fsType} ${isSourceUntold === true ? '-' : source}`;
}

/** What was mounted has been removed from its file system: it lives on in the mount only. */
function ofRemoved({ root }: Mount): string {
  return root.endsWith('//deleted') ? `:${root.slice(0, -'//deleted'.length)} (removed)` : '';
}

/** All mounts. */
export function mountsField(mounts: readonly ShownMount[] | null): Field {
  if (mounts === null) return { key: 'mounts', value: null, lines: ['-'] };
  return { key: 'mounts', value: mounts.map(mountValue), lines: mounts.map(mountLine) };
}

/** Those whose files are also reached from here; of those at the same path people see the number only. */
export function hostMountsField(mounts: readonly ShownMount[] | null, shared: boolean): Field {
  const key = 'host_mounts';
  // All of ours: a list of none would say that there are none.
  if (shared) return { key, value: null, lines: ['all: the mount namespace is ours'] };
  if (mounts === null) return { key, value: null, lines: ['-'] };
  const ofHost = mounts.filter(({ here }) => here !== null);
  const moved = ofHost.filter(({ mount, here }) => here !== mount.mountPoint);
  const alike = ofHost.length - moved.length;
  const lines = [...moved.map(mountLine), ...(alike === 0 ? [] : [`${alike} at the same path as here`])];
  return { key, value: ofHost.map(mountValue), lines: lines.length === 0 ? ['none'] : lines };
}
