// podman of a plain user, without a daemon: its containers are in a user namespace that the user owns, with further ids
// that newuidmap(1) gives. Which ids, /etc/subuid says: here that of the test alone.

import { chownSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until, type Yard } from './engines.ts';
import { PLAIN_UID } from './program.ts';

const FIRST_SUBORDINATE = 100_000;

export interface RootlessPodman {
  /** Starts a container of the image `tiny:1`. Its first process, as it is called here. */
  readonly start: (name: string, ...options: readonly string[]) => number;
  /** Ends its containers, and the process that keeps its user namespace. */
  readonly close: () => Promise<void>;
}

/** Of PLAIN_UID. The yard has a /run of its own. */
export function startRootlessPodman(yard: Yard): RootlessPodman {
  // Its own: it may not look into that of the yard.
  const folder = mkdtempSync('/tmp/nstool-podman-');
  const at = (name: string): string => join(folder, name);
  for (const name of ['.', 'home', 'run']) {
    mkdirSync(at(name), { recursive: true });
    chownSync(at(name), PLAIN_UID, PLAIN_UID);
  }
  chmodSync(folder, 0o755);
  const upper = [
    'mkdir /run/upper /run/work',
    'mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work overlay /etc',
  ];
  const ids = ['subuid', 'subgid'].map((name) => `echo ${PLAIN_UID}:${FIRST_SUBORDINATE}:65536 > /etc/${name}`);
  yard.engine('sh', '-ec', [...upper, ...ids].join('\n'));
  writeFileSync(at('containers.conf'), '[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=4096:4096"]\n');
  const user = ['setpriv', `--reuid=${PLAIN_UID}`, `--regid=${PLAIN_UID}`, '--clear-groups', '--inh-caps=-all'];
  const env = [`HOME=${at('home')}`, `XDG_RUNTIME_DIR=${at('run')}`, `PATH=${process.env['PATH'] ?? ''}`];
  const conf = `CONTAINERS_CONF=${at('containers.conf')}`;
  const options = ['--runtime=runc', '--cgroup-manager=cgroupfs', '--events-backend=file', '--storage-driver=vfs'];
  const podman = (...args: readonly string[]): void =>
    yard.engine(...user, 'env', '-i', ...env, conf, 'podman', ...options, ...args);
  writeFileSync(at('image.tar'), readFileSync(yard.image), { mode: 0o644 });
  podman('import', at('image.tar'), 'tiny:1');
  const names: string[] = [];
  const pidOf = (name: string): number => Number(readFileSync(at(`home/${name}.pid`), 'utf8'));
  return {
    start: (name, ...more) => {
      names.push(name);
      podman(
        'run',
        '-d',
        '--network=none',
        `--pidfile=${at(`home/${name}.pid`)}`,
        '--name',
        name,
        ...more,
        'tiny:1',
        'sleep',
        '100000',
      );
      return pidOf(name);
    },
    close: async () => {
      const pids = names.map(pidOf);
      for (const name of names) podman('rm', '-f', '-t0', name);
      // It would stay for the next command of the user.
      const pause = Number(readFileSync(at('run/libpod/tmp/pause.pid'), 'utf8'));
      process.kill(pause, 'SIGKILL');
      await until(() => [...pids, pause].every((pid) => !existsSync(`/proc/${pid}`)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
