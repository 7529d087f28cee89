// enter --as-target compared with docker exec in the same containers, of the same user.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDocker, type Docker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

/** Prints all that shall be alike, section by section. */
const REPORT = `
status() { busybox grep -E "^($1):" /proc/$$/status; }
status 'Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Umask'
status 'Speculation_Store_Bypass|SigBlk|SigIgn'
for f in cgroup limits oom_score_adj uid_map gid_map; do echo "== $f"; busybox cat /proc/$$/$f; done
echo '== environ'; busybox cat /proc/$$/environ | busybox tr '\\0' '\\n' | busybox sort
for l in root cwd ns/mnt ns/uts ns/ipc ns/net ns/pid ns/user ns/cgroup ns/time; do
  echo "$l $(busybox readlink /proc/$$/$l)"
done`;

const SECTION = ['sh', '-c', REPORT];

const containers: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  'without capabilities': ['--cap-drop=ALL'],
  'some capabilities': ['--cap-drop=ALL', '--cap-add=NET_RAW', '--cap-add=CHOWN'],
  'no new privileges': ['--security-opt=no-new-privileges'],
  'a user': ['-u', '1000:1000', '--group-add=2000', '--group-add=3000'],
  'a user with no new privileges': ['-u', '1000:1000', '--security-opt=no-new-privileges', '--cap-add=SYS_ADMIN'],
  limits: ['--ulimit=nofile=64:128', '--ulimit=core=0', '--ulimit=nproc=500:600', '--ulimit=stack=4000000'],
  'few open files': ['--ulimit=nofile=12:12'],
  oom_score_adj: ['--oom-score-adj=321'],
  'a directory and variables': ['-w', '/tmp', '-e', 'A=1', '-e', 'EMPTY=', '-e', 'LINES=a\nb c'],
  'read only': ['--read-only'],
  'nearly privileged': [
    '--cap-add=SYS_ADMIN',
    '--cap-add=NET_ADMIN',
    '--cap-add=SYS_PTRACE',
    '--device=/dev/null:/dev/x',
  ],
  'no filter': ['--security-opt=seccomp=unconfined'],
  'a cgroup namespace': ['--cgroupns=private', '--memory=64m', '--pids-limit=50'],
  everything: [
    '--security-opt=no-new-privileges',
    '--group-add=4000',
    '--ulimit=nofile=77:77',
    '--oom-score-adj=222',
    '-w=/usr',
  ],
  'shared namespaces': ['--pid=host', '--uts=host', '--ipc=host'],
};

function hasAllCapabilities(): boolean {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const bounding = /^CapBnd:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return BigInt(`0x${bounding}`) === (1n << BigInt(last + 1)) - 1n;
}

describe.skipIf(lacks('root', 'busybox', 'docker'))('docker', () => {
  let yard: Yard;
  let docker: Docker;
  const pids = new Map<string, number>();
  const ids = new Map<string, string>();

  beforeAll(async () => {
    yard = new Yard();
    docker = await startDocker(yard);
    for (const [name, options] of Object.entries(containers)) add(name, options);
  }, 120_000);

  function add(name: string, options: readonly string[]): void {
    const sleep = name === 'everything' ? ['sh', '-c', 'umask 137; exec sleep 100000'] : ['sleep', '100000'];
    const id = docker.run('run', '-d', '--network=none', ...options, 'tiny:1', ...sleep);
    pids.set(name, Number(docker.run('inspect', '-f', '{{.State.Pid}}', id)));
    ids.set(name, id);
  }

  afterAll(() => yard.close());

  function compare(name: string): void {
    const theirs = run(docker.command('exec', ids.get(name) ?? '', ...SECTION));
    const ours = nstool(['enter', String(pids.get(name)), '--as-target', ...SECTION]);
    expect(ours.stderr).toBe('');
    expect(ours.stdout.split('\n')).toEqual(theirs.stdout.split('\n'));
    expect(ours.stdout).toContain('== environ\n');
    expect(ours.status).toBe(0);
  }

  // The umask of its first process is its own: docker exec does not know it.
  const alike = Object.keys(containers).filter((name) => name !== 'everything');

  it.each(alike)('%s: the command is what docker exec makes', compare);

  // It asks for every capability: a machine may lack one.
  it.skipIf(!hasAllCapabilities())('privileged: the command is what docker exec makes', () => {
    add('privileged', ['--privileged']);
    compare('privileged');
  });

  const inPlain = (options: readonly string[], ...command: readonly string[]): string => {
    const { status, stdout, stderr } = nstool(['enter', String(pids.get('plain')), ...options, ...command]);
    expect([status, stderr]).toEqual([0, '']);
    return stdout.trim();
  };
  const line = (name: string): readonly string[] => ['busybox', 'grep', `^${name}:`, '/proc/self/status'];

  it('the filter is that of the container: it refuses what docker exec is refused, and lets the rest pass', () => {
    const call = ['busybox', 'unshare', '-r', 'busybox', 'true'];
    expect(run(docker.command('exec', ids.get('plain') ?? '', ...call)).status).not.toBe(0);
    const ours = nstool(['enter', String(pids.get('plain')), '--as-target', ...call]);
    expect(ours.stderr).toContain('unshare');
    expect(ours.status).not.toBe(0);
    expect(inPlain(['--as-target=no-seccomp'], ...line('Seccomp'))).toBe('Seccomp:\t0');
  });

  it.each([
    ['no-env', ['busybox', 'env'], /^HOSTNAME=[0-9a-f]{12}$/m],
    ['no-cgroup', ['busybox', 'cat', '/proc/self/cgroup'], /docker/],
    ['no-caps', line('CapEff'), /a80425fb/],
    ['no-nnp', line('NoNewPrivs'), /\t1/],
    ['no-seccomp', line('Seccomp'), /\t2/],
    ['no-limits', ['sh', '-c', 'ulimit -n'], /^77$/],
    ['no-umask', line('Umask'), /0137/],
    ['no-oom', ['busybox', 'cat', '/proc/self/oom_score_adj'], /^222$/],
    ['no-ids', line('Groups'), /4000/],
    ['no-cwd', ['busybox', 'pwd'], /^\/usr$/],
    ['no-ns', ['/bin/busybox', 'hostname'], /^[0-9a-f]{12}$/],
  ] as const)('%s leaves that out, and nothing else takes it', (part, command, mark) => {
    const pid = String(pids.get('everything'));
    const output = (option: string): string =>
      nstool(['enter', pid, option, ...command], { env: { PATH: process.env['PATH'] ?? '' } }).stdout.trim();
    expect(output('--as-target')).toMatch(mark);
    expect(output(`--as-target=${part}`)).not.toMatch(mark);
    expect(output(`--as-target=${part}`)).not.toBe('');
  });

  it('options of their own go before what the target has', () => {
    const wd = `--wd=/proc/${pids.get('plain')}/root/etc`;
    expect(inPlain(['--as-target', wd], 'busybox', 'pwd')).toBe('/etc');
    expect(inPlain(['--as-target', '-W', '/etc'], 'busybox', 'pwd')).toBe('/etc');
    expect(inPlain(['--as-target', '-S', '1234'], 'busybox', 'id', '-u')).toBe('1234');
    expect(inPlain(['--as-target', '-G', '1234'], ...line('Groups'))).toBe('Groups:');
    expect(inPlain(['--as-target', '-S', '1234'], ...line('CapEff'))).toBe('CapEff:\t0000000000000000');
    expect(inPlain(['--as-target', '-e', '-c', '-r', '-w', '-a'], 'busybox', 'pwd')).toBe('/');
  });

  it('what is frozen is not joined, and that is said', () => {
    docker.run('pause', ids.get('read only') ?? '');
    try {
      const { status, stdout, stderr } = nstool([
        'enter',
        String(pids.get('read only')),
        '--as-target',
        'busybox',
        'pwd',
      ]);
      expect([status, stdout]).toEqual([0, '/\n']);
      expect(stderr).toMatch(
        /^nstool: not copied: freezer cgroup \/docker\/[0-9a-f]{64}: it is frozen, and so would be the command$/m,
      );
      expect(stderr).toMatch(/^nstool: not copied: seccomp filter: ETIMEDOUT$/m);
    } finally {
      docker.run('unpause', ids.get('read only') ?? '');
    }
  });

  it('a dry run says the same, as text and as JSON', () => {
    docker.run('pause', ids.get('read only') ?? '');
    try {
      const words = ['enter', String(pids.get('read only')), '--as-target', '--dry-run'];
      expect(nstool([...words, 'true']).stderr).toContain('nstool: not copied: freezer cgroup');
      const answer: unknown = JSON.parse(nstool([...words, '--json', 'true']).stdout);
      expect(answer).toMatchObject({ not_copied: [{ why: 'it is frozen, and so would be the command' }] });
    } finally {
      docker.run('unpause', ids.get('read only') ?? '');
    }
  });

  it('the target goes on as if nothing had been', () => {
    const pid = String(pids.get('plain'));
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^State:\tS[^]*^TracerPid:\t0$/m);
  });
});

describe.skipIf(lacks('root', 'busybox', 'podman', 'runc'))('podman', () => {
  let yard: Yard;

  beforeAll(() => {
    yard = new Yard();
  });

  afterAll(() => yard.close());

  it.each([
    ['plain', []],
    ['a user', ['-u', '1000:1000', '--cap-add=NET_RAW', '--security-opt=no-new-privileges', '--oom-score-adj=99']],
  ] as const)('%s: the command is what podman exec makes', (name, more) => {
    const at = (file: string): string => join(yard.folder, file);
    writeFileSync(at('containers.conf'), '[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=256:256"]\n');
    const places = ['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')];
    const options = ['--runtime=runc', '--cgroup-manager=cgroupfs', '--events-backend=file', ...places];
    const podman = ['env', `CONTAINERS_CONF=${at('containers.conf')}`, 'podman', ...options];
    const id = name.replace(' ', '-');
    yard.engine(...podman, 'import', yard.image, 'tiny:1');
    yard.engine(...podman, 'run', '-d', '--network=none', '--name', id, ...more, 'tiny:1', 'sleep', '100000');
    const into = (file: string, ...words: readonly string[]): string => {
      yard.engine('sh', '-c', `"$@" >${at(file)}`, 'sh', ...podman, ...words);
      return readFileSync(at(file), 'utf8');
    };
    const theirs = into('theirs', 'exec', id, ...SECTION);
    const pid = into('pid', 'inspect', '-f', '{{.State.Pid}}', id).trim();
    const ours = nstool(['enter', pid, '--as-target', ...SECTION]);
    expect(ours.stderr).toBe('');
    // podman exec leaves these out, which the container's first process has.
    const but = /^(?:HOSTNAME=|Groups:)/;
    const lines = (text: string): readonly string[] => text.split('\n').filter((line) => !but.test(line));
    expect(lines(ours.stdout)).toEqual(lines(theirs));
    const groups = /^Groups:.*$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[0] ?? '';
    expect(ours.stdout).toContain(groups);
  });
});
