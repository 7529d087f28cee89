// Cgroups with a value of its own in every file that can be written: a parent and a leaf, in each hierarchy that there is.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { run } from './program.ts';
import { TestCgroups } from './test-cgroups.ts';

/** A file, and what to write into the parent's and the leaf's. */
type Value = readonly [file: string, parent: string, leaf: string];

/** In the order in which the kernel takes them: a swap limit after that of the memory, a quota within the parent's. */
function valuesOf(version: 1 | 2, device: string | undefined): readonly Value[] {
  const onDevice = (file: string, parent: string, leaf: string): readonly Value[] =>
    device === undefined ? [] : [[file, `${device} ${parent}`, `${device} ${leaf}`]];
  if (version === 1) {
    return [
      ['cpu.shares', '2048', '517'],
      ['cpu.cfs_period_us', '50000', '60000'],
      ['cpu.cfs_quota_us', '40000', '30000'],
      ['cpu.cfs_burst_us', '9000', '7000'],
      ['cpu.uclamp.max', '90.00', '80.00'],
      ['cpu.uclamp.min', '10.00', '20.00'],
      ['cpuset.cpus', '0', '0'],
      ['cpuset.mems', '0', '0'],
      ['cpuset.mem_hardwall', '1', '1'],
      ['cpuset.memory_migrate', '1', '1'],
      ['cpuset.sched_load_balance', '0', '0'],
      ['cpuset.sched_relax_domain_level', '1', '0'],
      ['memory.limit_in_bytes', '60000000', '90000000'],
      ['memory.memsw.limit_in_bytes', '160000000', '190000000'],
      ['memory.soft_limit_in_bytes', '41000000', '42000000'],
      ['memory.kmem.tcp.limit_in_bytes', '5000000', '4000000'],
      ['memory.swappiness', '17', '18'],
      ['memory.oom_control', '0', '1'],
      ['pids.max', '40', '90'],
      ['blkio.bfq.weight', '300', '400'],
      ['blkio.weight', '300', '400'],
      ...onDevice('blkio.throttle.read_bps_device', '1048576', '2097152'),
      ...onDevice('blkio.throttle.write_bps_device', '1048577', '2097153'),
      ...onDevice('blkio.throttle.read_iops_device', '100', '200'),
      ...onDevice('blkio.throttle.write_iops_device', '101', '201'),
      ['blkio.prio.class', 'restrict-to-be', 'idle'],
      ['net_cls.classid', '1048577', '1048578'],
      ['net_prio.ifpriomap', 'lo 3', 'lo 5'],
      ['hugetlb.2MB.limit_in_bytes', '8388608', '4194304'],
      ['hugetlb.2MB.rsvd.limit_in_bytes', '6291456', '10485760'],
      ['freezer.state', 'FROZEN', 'FROZEN'],
    ];
  }
  return [
    ['cgroup.max.depth', '9', '5'],
    ['cgroup.max.descendants', '99', '55'],
    ['cpu.weight', '50', '317'],
    ['cpu.max', '40000 50000', '30000 60000'],
    ['cpu.max.burst', '9000', '7000'],
    ['cpu.uclamp.max', '90.00', '80.00'],
    ['cpu.uclamp.min', '10.00', '20.00'],
    ['cpuset.cpus', '0', '0'],
    ['cpuset.mems', '0', '0'],
    ['memory.max', '60000000', '90000000'],
    ['memory.high', '55000000', '54000000'],
    ['memory.low', '3000000', '2000000'],
    ['memory.min', '1000000', '900000'],
    ['memory.swap.max', '70000000', '80000000'],
    ['memory.swap.high', '65000000', '64000000'],
    ['memory.oom.group', '0', '1'],
    ['memory.zswap.max', '7000000', '8000000'],
    ['memory.zswap.writeback', '0', '0'],
    ['pids.max', '40', '90'],
    ['io.weight', 'default 300', 'default 400'],
    ['io.bfq.weight', '300', '400'],
    ...onDevice('io.max', 'rbps=1048576 wiops=101', 'rbps=2097152 wbps=1048577 riops=100'),
    ...onDevice('io.latency', 'target=5000', 'target=6000'),
    ['io.prio.class', 'restrict-to-be', 'idle'],
    ['hugetlb.2MB.max', '8388608', '4194304'],
    ['hugetlb.2MB.rsvd.max', '6291456', '10485760'],
    // Who is in there would wait for ever: it is thawed before he is ended.
    ['cgroup.freeze', '0', '1'],
  ];
}

/** A disk, or what passes for one. undefined: there is none. */
function blockDevice(): string | undefined {
  const names = readdirSync('/sys/block').toSorted();
  const name = names.find((each) => !/^(?:ram|fd|sr)/.test(each));
  return name === undefined ? undefined : readFileSync(`/sys/block/${name}/dev`, 'utf8').trim();
}

export interface FilledCgroups {
  readonly pid: number;
  /** What could not be written, and why. */
  readonly refused: readonly string[];
  /** How many files hold what was written. */
  readonly written: number;
  end(): Promise<void>;
}

/** `name`: of the parent, directly below the roots. */
export function fillCgroups(name: string): FilledCgroups {
  const cgroups = new TestCgroups();
  const device = blockDevice();
  const refused: string[] = [];
  let written = 0;
  const write = (path: string, text: string): void => {
    try {
      writeFileSync(path, text);
      written += 1;
    } catch (error) {
      refused.push(`${path}: ${text}: ${String(error)}`);
    }
  };
  const undo = handDown(cgroups.mounts.get('cgroup2'), write);
  const folders: string[] = [];
  const thaw: (readonly [path: string, text: string])[] = [];
  for (const mount of hierarchies(cgroups)) {
    const version = mount === 'cgroup2' ? 2 : 1;
    const parent = cgroups.make(mount, `/${name}`);
    if (version === 2) handDown(parent, write);
    if (mount === 'devices') {
      // Not once there is one below it.
      write(`${parent}/devices.deny`, 'a');
      write(`${parent}/devices.allow`, 'c 1:3 rwm');
      write(`${parent}/devices.allow`, 'b 7:* r');
    }
    const leaf = cgroups.make(mount, `/${name}/leaf`);
    // A second one, so that the part among siblings is one.
    const sibling = cgroups.make(mount, `/${name}/sibling`);
    for (const [file, ofParent, ofLeaf] of valuesOf(version, device)) {
      if (!readdirSync(leaf).includes(file)) continue;
      write(`${parent}/${file}`, ofParent);
      if (file.startsWith('cpuset.') && (file.endsWith('cpus') || file.endsWith('mems')))
        write(`${sibling}/${file}`, ofLeaf);
      if (file !== 'freezer.state' && file !== 'cgroup.freeze') write(`${leaf}/${file}`, ofLeaf);
      else thaw.push([file === 'cgroup.freeze' ? `${leaf}/${file}` : `${parent}/${file}`, ofLeaf]);
    }
    folders.push(leaf);
  }
  const pid = cgroups.start(folders);
  for (const [path, text] of thaw) write(path, text);
  return {
    pid,
    refused,
    written,
    async end() {
      for (const [path] of thaw) writeFileSync(path, path.endsWith('state') ? 'THAWED' : '0');
      await cgroups.end();
      undo();
    },
  };
}

/** One name of each: several controllers may be mounted together. */
function hierarchies({ mounts }: TestCgroups): readonly string[] {
  return [...new Map([...mounts].map(([name, folder]) => [folder, name])).values()];
}

/** All controllers that a cgroup of v2 has, for those below it. */
function handDown(folder: string | undefined, write: (path: string, text: string) => void): () => void {
  if (folder === undefined) return () => undefined;
  const words = (file: string): readonly string[] => {
    return readFileSync(`${folder}/${file}`, 'utf8').trim().split(' ').filter(Boolean);
  };
  const had = words('cgroup.subtree_control');
  const missing = words('cgroup.controllers').filter((name) => !had.includes(name));
  for (const name of missing) write(`${folder}/cgroup.subtree_control`, `+${name}`);
  return () => {
    for (const name of missing) run(['sh', '-c', `echo -${name} > "$1/cgroup.subtree_control"`, 'sh', folder]);
  };
}
