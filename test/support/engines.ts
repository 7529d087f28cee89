// Real container engines, started for a test and gone after it. Each works in a mount and a network namespace of its
// own, so that the host sees nothing of its mounts and bridges, and keeps its files in a folder of the test's.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Processes and cgroups of the engines that a test started. */
export class Yard {
  /** Everything of the test is in here. */
  readonly folder = mkdtempSync('/tmp/nstool-engines-');
  /** The root directory of a system that has busybox and nothing else. */
  readonly rootfs = join(this.folder, 'rootfs');
  /** The same as an archive, for what imports images. */
  readonly image = join(this.folder, 'image.tar');
  private readonly daemons: ChildProcess[] = [];
  private readonly before = cgroupFolders();
  private readonly stage: number;

  /** With `ownRun` the engine's /run is not ours, either. */
  constructor({ ownRun = true }: { readonly ownRun?: boolean } = {}) {
    for (const folder of ['bin', 'usr', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run']) {
      mkdirSync(join(this.rootfs, folder), { recursive: true });
    }
    const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
    cpSync(busybox, join(this.rootfs, 'bin/busybox'));
    for (const name of ['sh', 'sleep']) symlinkSync('busybox', join(this.rootfs, 'bin', name));
    writeFileSync(join(this.rootfs, 'etc/os-release'), 'ID=test\n');
    this.run('tar', '-C', this.rootfs, '-cf', this.image, '.');
    this.stage = this.start(ownRun);
  }

  private start(ownRun: boolean): number {
    const fifo = join(this.folder, 'ready');
    this.run('mkfifo', fifo);
    const script = `${ownRun ? 'mount -t tmpfs -o mode=755 tmpfs /run && ' : ''}echo > ${fifo}; exec sleep 100000`;
    const command = ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script];
    const child = spawn('unshare', command, { stdio: 'ignore', cwd: '/' });
    this.daemons.push(child);
    readFileSync(fifo);
    return child.pid ?? 0;
  }

  /** What a command prints. Throws when it fails. */
  run(...command: readonly string[]): string {
    const [file = '', ...args] = command;
    const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8', timeout: 50_000 });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${error?.message ?? ''} ${stdout} ${stderr}`);
    return stdout.trim();
  }

  /** The same in the namespaces of an engine. It may leave processes, but no pipe to wait for. */
  engine(...command: readonly string[]): void {
    const log = join(this.folder, 'log');
    this.run(
      'sh',
      '-c',
      `"$@" >>${log} 2>&1 </dev/null || { tail -5 ${log} >&2; exit 1; }`,
      'sh',
      ...this.inStage(command),
    );
  }

  private inStage(command: readonly string[]): readonly string[] {
    return ['nsenter', '-t', String(this.stage), '-m', '-n', '--', ...command];
  }

  /** A process that stays. */
  daemon(...command: readonly string[]): number {
    const [file = '', ...args] = this.inStage(command);
    const child = spawn(file, args, { stdio: 'ignore', cwd: '/' });
    this.daemons.push(child);
    return child.pid ?? 0;
  }

  async close(): Promise<void> {
    const pids = this.members();
    const cgroups = new Set(pids.flatMap(cgroupsOf).filter((path) => path !== '/'));
    for (const pid of pids) end(pid);
    await Promise.all(this.daemons.map(ended));
    await until(() => !pids.some(isRunning));
    // Engines in containers have theirs in those of their containers: the longest paths go first.
    const paths = [...cgroups].toSorted((a, b) => b.length - a.length);
    const folders = hierarchies().flatMap((hierarchy) => paths.map((path) => ({ hierarchy, path })));
    // A cgroup is empty a moment after its last process is gone.
    await until(() => folders.every(({ hierarchy, path }) => removeCgroup(hierarchy, path, this.before)));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Everything that runs in our mount namespace, and all that it started. */
  private members(): readonly number[] {
    const ours = linkOf(this.stage);
    const all = readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
    const members = new Set(all.filter((pid) => linkOf(pid) === ours));
    const parents = all.map((pid) => [pid, parentOf(pid)] as const);
    for (let before = -1; members.size > before;) {
      before = members.size;
      for (const [pid, parent] of parents) if (members.has(parent)) members.add(pid);
    }
    return [...members];
  }
}

function linkOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return `gone: ${pid}`;
  }
}

/** 0: it is gone. */
export function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

function cgroupsOf(pid: number): readonly string[] {
  try {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
    return lines.map((line) => line.replace(/^[^:]*:[^:]*:/, ''));
  } catch {
    return [];
  }
}

export async function until(done: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (done()) return;
    await new Promise((next) => setTimeout(next, 50));
  }
  throw new Error('waited for 20 seconds in vain');
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once('exit', () => done());
    child.kill('SIGKILL');
  });
}

/** A zombie's folder stays until its parent looks, but it has no memory. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

function hierarchies(): readonly string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, mountPoint = '', fsType] = line.split(' ');
    return fsType === 'cgroup' || fsType === 'cgroup2' ? [mountPoint] : [];
  });
}

/** The outermost folders: what was there before is not the test's to remove. */
function cgroupFolders(): ReadonlySet<string> {
  return new Set(hierarchies().flatMap((hierarchy) => readdirSync(hierarchy).map((name) => join(hierarchy, name))));
}

/** With the folders above it that became empty. False: something is in it yet. */
function removeCgroup(hierarchy: string, path: string, before: ReadonlySet<string>): boolean {
  const outermost = join(hierarchy, path.split('/')[1] ?? '');
  if (before.has(outermost)) return true;
  for (let current = join(hierarchy, path); current.length > hierarchy.length; current = dirname(current)) {
    try {
      rmdirSync(current);
    } catch {
      if (existsSync(current)) return current !== join(hierarchy, path);
    }
  }
  return true;
}
