// Small recorded hosts with cgroups, written down by hand.

import type { Host } from '../../src/kernel/host.ts';
import { MAX_GROUPS } from '../../src/cgroups/walk.ts';
import { hostOf } from './recorded.ts';

export interface WrittenHost {
  /** Lines of /proc/self/mountinfo behind the two first numbers. */
  readonly mounts: readonly string[];
  /** Lines of /proc/self/cgroup. */
  readonly memberships: readonly string[];
  /** By mount point. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
  /** By path, their text; null: closed to us. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** By pid, the lines of /proc/PID/cgroup. */
  readonly processes?: Readonly<Record<number, readonly string[]>>;
  readonly more?: Readonly<Record<string, object>>;
}

function lines(text: readonly string[]): { readonly text: string } {
  return { text: text.map((line) => `${line}\n`).join('') };
}

export function cgroupHost(written: WrittenHost): Host {
  const { mounts, memberships, folders, files = {}, processes = {}, more = {} } = written;
  const answers: Record<string, object> = {
    'link /proc/self': { text: '7' },
    'link /proc/self/ns/pid': { text: 'pid:[4026531836]' },
    'file /proc/self/mountinfo': lines(mounts.map((mount, index) => `${index + 20} 1 ${mount}`)),
    'file /proc/self/cgroup': lines(memberships),
    'directory /proc': { names: ['self', ...Object.keys(processes)] },
  };
  for (const [folder, paths] of Object.entries(folders)) {
    answers[`folders ${JSON.stringify(folder)} ${MAX_GROUPS}`] = { folders: { paths, cut: false, gaps: [] } };
  }
  for (const [pid, of] of Object.entries(processes)) {
    answers[`file /proc/${pid}/cgroup`] = lines(of);
    answers[`file /proc/${pid}/stat`] = {
      text: `${pid} (worker) S 1 ${pid} ${pid} 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 1000 0 0\n`,
    };
    answers[`file /proc/${pid}/cmdline`] = { text: 'worker\0--busy\0' };
  }
  for (const [path, text] of Object.entries(files)) {
    answers[`file ${path}`] = text === null ? { gap: { reason: 'denied', errno: 'EACCES' } } : { text };
  }
  return withMissing(hostOf({ ...answers, ...more }));
}

/** Of the files of cgroups what is not written down is not there. */
function withMissing(host: Host): Host {
  const missing = (path: string): ReturnType<Host['readFile']> => {
    return { ok: false, gap: { reason: 'gone', what: path, errno: 'ENOENT' } };
  };
  return {
    ...host,
    readFile: (path) => {
      const bytes = host.readFile(path);
      return !bytes.ok && bytes.gap.reason === 'unrecorded' ? missing(path) : bytes;
    },
    readLink: (path) => {
      const link = host.readLink(path);
      return !link.ok && link.gap.reason === 'unrecorded'
        ? { ok: false, gap: { reason: 'gone', what: path, errno: 'ENOENT' } }
        : link;
    },
  };
}

export const POD = 'kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice';
export const CONTAINER = `cri-containerd-${'ab'.repeat(32)}.scope`;

const slice = '/sys/fs/cgroup/kubepods.slice';
const leaf = `${slice}/${POD}/${CONTAINER}`;

/** A node of Kubernetes with unified cgroups: one container, throttled and once short of memory; an empty slice. */
export function kubernetesNode(): Host {
  const memory = { 'memory.max': 'max\n', 'memory.events.local': 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n' };
  const files = (folder: string, of: Readonly<Record<string, string>>): [string, string][] =>
    Object.entries(of).map(([name, text]) => [`${folder}/${name}`, text]);
  const idle = 'usage_usec 0\nuser_usec 0\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n';
  return cgroupHost({
    mounts: ['0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate'],
    memberships: ['0::/system.slice/ssh.service'],
    folders: {
      '/sys/fs/cgroup': [
        'system.slice',
        'system.slice/ssh.service',
        'kubepods.slice',
        `kubepods.slice/${POD}`,
        `kubepods.slice/${POD}/${CONTAINER}`,
        'left.slice',
      ],
    },
    files: Object.fromEntries([
      ...files('/sys/fs/cgroup', {
        'cgroup.controllers': 'cpu io memory pids\n',
        'cgroup.subtree_control': 'cpu io memory pids\n',
        'cgroup.procs': '',
        'cpu.stat': 'usage_usec 9000000\nuser_usec 8000000\nsystem_usec 1000000\n',
      }),
      ...files('/sys/fs/cgroup/system.slice', {
        ...memory,
        'cgroup.subtree_control': 'memory pids\n',
        'cgroup.procs': '',
        'cpu.stat': idle,
        'memory.current': '4096000\n',
      }),
      ...files('/sys/fs/cgroup/system.slice/ssh.service', {
        ...memory,
        'cgroup.procs': '7\n8\n',
        // The controller is not handed on: the time is counted all the same, throttling is not.
        'cpu.stat': 'usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n',
        'memory.current': '4096000\n',
      }),
      ...files(slice, {
        ...memory,
        'cgroup.subtree_control': 'cpu io memory pids\n',
        'cgroup.procs': '',
        'cpu.stat': idle,
        'memory.current': '104857600\n',
      }),
      ...files(`${slice}/${POD}`, {
        ...memory,
        'cgroup.subtree_control': 'cpu io memory pids\n',
        'cgroup.procs': '',
        'cpu.stat': idle,
        'memory.current': '104857600\n',
        'memory.max': '134217728\n',
      }),
      ...files(leaf, {
        'cgroup.procs': '41\n42\n43\n',
        'cpu.stat':
          'usage_usec 7500000\nuser_usec 7000000\nsystem_usec 500000\nnr_periods 200\nnr_throttled 50\nthrottled_usec 2500000\n',
        'cpu.max': '50000 100000\n',
        'memory.current': '104857600\n',
        'memory.max': '134217728\n',
        'memory.stat': 'anon 80000000\nfile 20000000\ninactive_file 4857600\n',
        'memory.events.local': 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n',
        'io.stat': '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:16 \n',
        'memory.pressure':
          'some avg10=1.50 avg60=0.30 avg300=0.10 total=900\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
        'pids.current': '5\n',
        'pids.max': 'max\n',
        'cgroup.stat': 'nr_descendants 0\nnr_dying_descendants 3\n',
      }),
      ...files('/sys/fs/cgroup/left.slice', {
        ...memory,
        'cgroup.procs': '',
        'cpu.stat': idle,
        'memory.current': '12288\n',
        'cgroup.stat': 'nr_descendants 0\nnr_dying_descendants 2\n',
      }),
    ]),
    processes: {
      7: ['0::/system.slice/ssh.service'],
      8: ['0::/system.slice/ssh.service'],
      41: [`0::/kubepods.slice/${POD}/${CONTAINER}`],
      42: [`0::/kubepods.slice/${POD}/${CONTAINER}`],
      43: [`0::/kubepods.slice/${POD}/${CONTAINER}`],
    },
  });
}
