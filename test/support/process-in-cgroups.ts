// A host of which only the cgroups of one process are told.

import { cgroupAnswers, type Files } from './fake-cgroups.ts';
import { procOf } from './fake-proc.ts';

/** The process. */
export const PID = 50;

export interface CgroupHost {
  /** Of the process. */
  readonly cgroup: string;
  readonly mounts: string;
  /** The files of each directory. */
  readonly folders: Readonly<Record<string, Files>>;
  /** Other answers. */
  readonly answers?: Readonly<Record<string, object>>;
  readonly uids?: Readonly<Record<string, number>>;
}

/** Its answers, for `hostOf`. */
export function processAnswers(host: CgroupHost): Readonly<Record<string, object>> {
  const { cgroup, mounts, folders, answers = {}, uids = {} } = host;
  const proc = procOf([{ pid: 1 }, { pid: 7 }, { pid: PID }]);
  const told = {
    'file /proc/self/mountinfo': { text: mounts },
    [`file /proc/${PID}/cgroup`]: { text: cgroup },
    'directory /sys/dev/block': { names: ['259:0'] },
    'link /sys/dev/block/259:0': { text: '../../devices/pci0000:00/nvme/nvme0/nvme0n1' },
  };
  return { ...proc, ...cgroupAnswers(folders, uids), ...told, ...answers };
}
