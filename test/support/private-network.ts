// A machine's network of a test's own: another network namespace, /run, /var/lib and /etc, so that what is made is nobody else's.

import { spawn, type ChildProcess } from 'node:child_process';
import { asUser, commandLine, run, type RunResult } from './program.ts';

const SCRIPT = `
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 lib /var/lib
mkdir -m 755 /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc
rm -rf /etc/netns
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
echo ready
exec sleep 3600`;

export class PrivateNetwork {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(): Promise<PrivateNetwork> {
    const child = spawn('unshare', ['-m', '-n', 'sh', '-ec', SCRIPT], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('close', () => reject(new Error('no network namespace')));
    });
    return new PrivateNetwork(child);
  }

  /** Of the process that keeps it. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Words before a command that bring it there. */
  enter(): readonly string[] {
    return ['nsenter', '-t', String(this.child.pid), '-m', '-n'];
  }

  run(...command: readonly string[]): RunResult {
    return run([...this.enter(), ...command]);
  }

  nstool(args: readonly string[], before: readonly string[] = [], uid?: number): RunResult {
    return run([...this.enter(), ...before, ...asUser(commandLine(args), uid)]);
  }

  /** Its status, once it has ended. */
  start(args: readonly string[]): Promise<number | null> {
    return this.startCommand(commandLine(args));
  }

  startCommand(command: readonly string[]): Promise<number | null> {
    const [file = '', ...words] = [...this.enter(), ...command];
    const child = spawn(file, words, { stdio: 'ignore' });
    return new Promise((resolve) => child.once('close', resolve));
  }

  /** It has ended then, by itself or by SIGKILL after so many milliseconds. */
  async startAndKill(args: readonly string[], delay: number): Promise<void> {
    const [file = '', ...words] = [...this.enter(), ...commandLine(args)];
    const child = spawn(file, words, { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), delay);
    await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(timer);
  }

  /** All that net up changes, as others tell it. */
  state(): string {
    const script =
      'ip -j addr; ip -j route show table all; ip -j rule; ls /run/netns /run/nstool 2>/dev/null; ls -R /etc/netns 2>&1; ls /var/lib/nstool 2>/dev/null';
    return this.run('sh', '-c', script).stdout;
  }

  async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    this.child.kill('SIGKILL');
    await ended;
  }
}
