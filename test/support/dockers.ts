// A docker daemon of a test's own.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { until, type Yard } from './engines.ts';

export interface Docker {
  /** The pid of the daemon. */
  readonly pid: number;
  /** What `docker ARGS` prints. Throws when it fails. */
  readonly run: (...args: readonly string[]) => string;
  /** The words of `docker ARGS`. */
  readonly command: (...args: readonly string[]) => readonly string[];
}

/** With an image `tiny:1`. `firewall`: it makes its rules, and its proxies, as it does on a machine. */
export async function startDocker(yard: Yard, { firewall = false } = {}): Promise<Docker> {
  const at = (name: string): string => join(yard.folder, name);
  const socket = `unix://${at('sock')}`;
  const rules = firewall ? [] : ['--iptables=false', '--ip-masq=false', '--userland-proxy=false'];
  const quiet = ['--bridge=none', ...rules];
  const places = ['--data-root', at('data'), '--exec-root', at('run'), '--pidfile', at('pid'), '-H', socket];
  const pid = yard.daemon('dockerd', ...places, ...quiet);
  await until(() => spawnSync('docker', ['-H', socket, 'info'], { stdio: 'ignore' }).status === 0);
  const command = (...args: readonly string[]): readonly string[] => ['docker', '-H', socket, ...args];
  const run = (...args: readonly string[]): string => yard.run(...command(...args));
  run('import', yard.image, 'tiny:1');
  return { pid, run, command };
}
