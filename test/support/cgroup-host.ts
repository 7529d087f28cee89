// A host of which only the cgroups of one process are told.

import { procOf } from './fake-proc.ts';

/** The process. */
export const PID = 50;

/** The files of a directory, by name. */
export type Files = Readonly<Record<string, string>>;

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
export function cgroupAnswers(host: CgroupHost): Readonly<Record<string, object>> {
  const { cgroup, mounts, folders, answers = {}, uids = {} } = host;
  const status = (path: string): object => {
    const mode = path in folders ? 0o040_755 : 0o100_644;
    return { status: { dev: '1', ino: '1', mode: String(mode), uid: String(uids[path] ?? 0), gid: '0' } };
  };
  const files = Object.entries(folders).flatMap(([folder, known]): [string, object][] => {
    const below = Object.keys(folders).filter((other) => other.slice(0, other.lastIndexOf('/')) === folder);
    const names = [...Object.keys(known), ...below.map((other) => other.slice(folder.length + 1))];
    return [
      [`directory ${folder}`, { names }],
      [`stat ${folder}`, status(folder)],
      ...Object.entries(known).flatMap(([name, text]): [string, object][] => [
        [`file ${folder}/${name}`, { text }],
        [`stat ${folder}/${name}`, status(`${folder}/${name}`)],
      ]),
    ];
  });
  const proc = procOf([{ pid: 1 }, { pid: 7 }, { pid: PID }]);
  const told = {
    'file /proc/self/mountinfo': { text: mounts },
    [`file /proc/${PID}/cgroup`]: { text: cgroup },
    'directory /sys/dev/block': { names: ['259:0'] },
    'link /sys/dev/block/259:0': { text: '../../devices/pci0000:00/nvme/nvme0/nvme0n1' },
  };
  return { ...proc, ...Object.fromEntries(files), ...told, ...answers };
}
