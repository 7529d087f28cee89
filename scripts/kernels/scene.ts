// What a guest runs that is to be captured: it makes of itself the host that its name says, and prints the recording. The
// names of cgroups are made up, after those that kubelet, docker and systemd give; what the kernel says of them is real.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

interface Facts {
  readonly only: readonly string[];
}

const ROOT = '/sys/fs/cgroup';
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const { only } = JSON.parse(readFileSync(here('guest.json'), 'utf8')) as Facts;

type Files = Readonly<Record<string, string | number>>;

function group(path: string, files: Files = {}, controllers = ''): string {
  const folder = `${ROOT}${path}`;
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, String(text));
  if (controllers !== '') writeFileSync(`${folder}/cgroup.subtree_control`, controllers);
  return folder;
}

/** A process of this name in a cgroup, which waits; with `unshare`'s words in namespaces of its own. */
function start(folders: readonly string[], name: string, unshare: readonly string[] = []): number {
  const program = `/tmp/${name}`;
  try {
    symlinkSync('/bin/sleep', program);
  } catch {
    // It is there already.
  }
  const [command = program, ...words] =
    unshare.length === 0 ? [program, 'infinity'] : ['unshare', ...unshare, program, 'infinity'];
  const child = spawn(command, words, { stdio: 'ignore', detached: true });
  child.unref();
  for (const folder of folders) writeFileSync(`${folder}/cgroup.procs`, String(child.pid));
  return child.pid ?? 0;
}

/** In a cgroup until it ends, or is killed. */
function runIn(folders: readonly string[], script: string): void {
  const join = folders.map((folder) => `echo $$ >'${folder}/cgroup.procs'`).join(' && ');
  spawnSync('sh', ['-c', `${join} && ${script}`], { stdio: 'ignore' });
}

const id = (digit: string): string => digit.repeat(64);
/** More than 256 MiB, touched. */
const HOG = 'exec dd if=/dev/zero of=/dev/null bs=400M count=1';
const SPIN = 'timeout 3 sh -c "while :; do :; done"';
const ALL = '+cpuset +cpu +io +memory +hugetlb +pids';

/** A container's processes have these namespaces of their own. */
const CONTAINER = ['--mount', '--uts', '--ipc', '--net', '--cgroup'];

/** kubelet's systemd driver and containerd: three pods, one of each quality of service. */
function kubernetesNode(): void {
  writeFileSync(`${ROOT}/cgroup.subtree_control`, ALL);
  group('/system.slice', {}, ALL);
  start([group('/system.slice/containerd.service')], 'containerd');
  start([group('/system.slice/kubelet.service', { 'memory.low': 0 })], 'kubelet');
  group('/kubepods.slice', { 'cpu.weight': 79, 'memory.max': 800_000_000, 'pids.max': 4000 }, ALL);
  const pod = (slice: string, files: Files, container: Files, digit: string, name: string): string => {
    const path = slice.split('/').slice(0, -1).join('/');
    if (path !== '/kubepods.slice')
      group(path, path.includes('besteffort') ? { 'cpu.weight': 1 } : { 'cpu.weight': 4 }, ALL);
    group(slice, files, ALL);
    start([group(`${slice}/cri-containerd-${id(digit)}.scope`, { 'cpu.weight': 1 })], 'pause', CONTAINER);
    const folder = group(`${slice}/cri-containerd-${id(String(Number(digit) + 1))}.scope`, container);
    start([folder], name, ['--mount', '--cgroup']);
    return folder;
  };
  pod(
    '/kubepods.slice/kubepods-pod5c1a7d3e_0f2b_4a6c_9d8e_102030405060.slice',
    { 'cpu.weight': 20, 'cpu.max': '50000 100000', 'memory.max': 134_217_728, 'pids.max': 100 },
    { 'cpu.weight': 20, 'cpu.max': '50000 100000', 'memory.max': 134_217_728, 'memory.oom.group': 1, 'cpuset.cpus': 0 },
    '1',
    'web',
  );
  // Held back by the quota of the pod, and killed for its limit: the container's own are higher.
  const burstable = pod(
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podaa11bb22_cc33_4d44_8e55_ff6600778899.slice',
    { 'cpu.weight': 4, 'cpu.max': '10000 100000', 'memory.max': 134_217_728 },
    { 'cpu.weight': 4, 'cpu.max': '80000 100000', 'memory.max': 268_435_456, 'memory.high': 260_000_000 },
    '3',
    'worker',
  );
  runIn([burstable], SPIN);
  runIn([burstable], HOG);
  pod(
    '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod01234567_89ab_4cde_8f01_23456789abcd.slice',
    { 'cpu.weight': 1 },
    { 'cpu.weight': 1, 'pids.max': 3 },
    '5',
    'batch',
  );
}

/** docker with cgroups of v1: one container that is held back and was killed, one without limits. */
function v1Only(): void {
  const controllers = readFileSync('/proc/mounts', 'utf8').match(/(?<=\/sys\/fs\/cgroup\/)\S+/g) ?? [];
  const limits: Readonly<Record<string, Files>> = {
    cpu: { 'cpu.shares': 512, 'cpu.cfs_quota_us': 10_000, 'cpu.cfs_period_us': 100_000 },
    memory: {
      'memory.limit_in_bytes': 134_217_728,
      'memory.memsw.limit_in_bytes': 134_217_728,
      'memory.soft_limit_in_bytes': 67_108_864,
    },
    pids: { 'pids.max': 100 },
  };
  const container = (digit: string, limited: boolean): readonly string[] =>
    controllers.map((controller) => {
      if (controller === 'cpuset')
        for (const path of ['/cpuset/docker', `/cpuset/docker/${id(digit)}`])
          group(path, { 'cpuset.cpus': 0, 'cpuset.mems': 0 });
      return group(`/${controller}/docker/${id(digit)}`, limited ? (limits[controller] ?? {}) : {});
    });
  const limited = container('a', true);
  start(limited, 'web', CONTAINER);
  runIn(limited, SPIN);
  runIn(limited, HOG);
  start(container('b', false), 'cron', CONTAINER);
}

function must(...command: readonly string[]): string {
  const [program = '', ...words] = command;
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}

/** A user's manager with an app and a service, to which systemd handed its cgroup; a session; a service of the system. */
function systemdDesktop(): void {
  const me = 'ada:x:1000:1000:Ada:/tmp:/bin/sh\n';
  writeFileSync('/etc/passwd', `${readFileSync('/etc/passwd', 'utf8')}${me}`);
  writeFileSync('/etc/group', `${readFileSync('/etc/group', 'utf8')}ada:x:1000:\n`);
  // There is no PAM here, and no logind that would make the directory.
  mkdirSync('/run/systemd/system/user@.service.d', { recursive: true });
  writeFileSync(
    '/run/systemd/system/user@.service.d/no-pam.conf',
    '[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/1000\n',
  );
  mkdirSync('/run/user/1000', { recursive: true });
  must('chown', '1000:1000', '/run/user/1000');
  must('mkdir', '-p', '/run/systemd/system/user@1000.service.d');
  writeFileSync(
    '/run/systemd/system/user-runtime-dir@.service',
    '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  );
  must('systemctl', 'daemon-reload');
  must('systemctl', 'start', 'user@1000.service');
  const words = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', 'env', 'XDG_RUNTIME_DIR=/run/user/1000'];
  const app = ['systemd-run', '--user', '--quiet', '--slice=app.slice'];
  must(
    ...words,
    ...app,
    '--unit=app-org.example.Editor-1',
    '--property=MemoryHigh=300M',
    '--property=TasksMax=50',
    'sleep',
    'infinity',
  );
  must(...words, ...app, '--unit=indexer', '--property=CPUWeight=20', '--property=MemoryMax=64M', 'sleep', 'infinity');
  must(
    'systemd-run',
    '--quiet',
    '--slice=system.slice',
    '--unit=web',
    '--property=MemoryMax=128M',
    '--property=CPUQuota=10%',
    'sleep',
    'infinity',
  );
  const session = spawn(
    'systemd-run',
    ['--quiet', '--scope', '--slice=user-1000.slice', '--unit=session-2', '--uid=1000', 'sleep', 'infinity'],
    { stdio: 'ignore', detached: true },
  );
  session.unref();
}

const SCENES: Readonly<Record<string, { readonly make: () => void; readonly note: string }>> = {
  'kubernetes-node': {
    make: kubernetesNode,
    note: 'a Kubernetes node on cgroup v2: the cgroups and processes are made and named as kubelet and containerd do, what the kernel says of them is real',
  },
  'systemd-desktop': { make: systemdDesktop, note: 'systemd with the manager of a user, to whom his cgroup is handed' },
  'v1-only': {
    make: v1Only,
    note: 'cgroup v1 alone: the cgroups and processes are made and named as docker does, what the kernel says of them is real',
  },
};

const scene = SCENES[only[0] ?? ''];
if (scene === undefined) throw new Error(`no scene ${only.join(' ')}`);
scene.make();
// What was started comes to where it stays.
await sleep(3000);
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [here('capture-host.mjs'), '--cgroups', '--kernel-threads', '2', '--note', scene.note],
  { encoding: 'utf8', maxBuffer: 1 << 28 },
);
if (status !== 0) throw new Error(stderr);
const base64 = gzipSync(stdout, { level: 9 }).toString('base64');
console.log(`@@CAPTURE\n${base64.replaceAll(/.{1,120}/g, '$&\n')}@@CAPTURED`);
