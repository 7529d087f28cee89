// What /proc holds of processes that nobody started, as the answers of a recorded host.

import { namespaceKinds, type NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';

/** Source: linux/nsfs.h, enum init_ns_ino. */
const hostInodes: Readonly<Record<NamespaceKind, bigint>> = {
  ipc: 4026531839n,
  uts: 4026531838n,
  user: 4026531837n,
  pid: 4026531836n,
  cgroup: 4026531835n,
  time: 4026531834n,
  net: 4026531833n,
  mnt: 4026531832n,
};

export interface FakeProcess {
  readonly pid: number;
  readonly ppid?: number;
  readonly comm?: string;
  readonly state?: string;
  readonly start?: number;
  readonly uid?: number;
  readonly cgroup?: string;
  readonly cmdline?: readonly string[];
  /** Those that are not the host's; closed to us; what a zombie has. */
  readonly ns?: Partial<Record<NamespaceKind, bigint>> | 'closed' | 'zombie';
}

const OF_ZOMBIES: readonly NamespaceKind[] = ['pid', 'user'];

/** We are process 7, if there is one. */
export function procOf(processes: readonly FakeProcess[]): Readonly<Record<string, object>> {
  const entries = processes.flatMap((process) => {
    const {
      pid,
      ppid = 1,
      comm = 'sleep',
      state = 'S',
      start = pid,
      uid = 0,
      cgroup = '/',
      cmdline = [comm],
    } = process;
    const folder = `/proc/${pid}`;
    const stat = `${pid} (${comm}) ${state} ${ppid} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 ${start} 0 0\n`;
    const common: [string, object][] = [
      [`stat ${folder}`, { status: { dev: '1', ino: '1', mode: '16749', uid: String(uid), gid: '0' } }],
      [`file ${folder}/stat`, { text: stat }],
      [`file ${folder}/cgroup`, { text: `0::${cgroup}\n` }],
      [`file ${folder}/cmdline`, { text: cmdline.map((word) => `${word}\0`).join('') }],
      [`file ${folder}/mountinfo`, { text: '22 1 254:0 / / rw - ext4 /dev/vda rw\n' }],
    ];
    return [...common, ...linksOf(process)];
  });
  const names = processes.map(({ pid }) => String(pid));
  return Object.fromEntries([...entries, ['directory /proc', { names }], ['link /proc/self', { text: '7' }]]);
}

function linksOf({ pid, ns = {} }: FakeProcess): [string, object][] {
  return namespaceKinds.flatMap(({ kind }) => {
    const what = `/proc/${pid}/ns/${kind}`;
    if (ns === 'closed') return [[`link ${what}`, { gap: { reason: 'denied', what, errno: 'EACCES' } }]];
    if (ns === 'zombie' && !OF_ZOMBIES.includes(kind)) {
      return [[`link ${what}`, { gap: { reason: 'gone', what, errno: 'ENOENT' } }]];
    }
    const inode = (ns === 'zombie' ? undefined : ns[kind]) ?? hostInodes[kind];
    const link = { text: `${kind}:[${inode}]` };
    const answers: [string, object][] = [[`link ${what}`, link]];
    return pid === 7 ? [...answers, [`link /proc/self/ns/${kind}`, link]] : answers;
  });
}
