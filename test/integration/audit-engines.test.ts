// What the audit says of containers as engines make them, reviewed: a default one, a privileged one, a rootless one; and
// of a service of the host. What differs from kernel to kernel is left out of the lists.

import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { audit, type AuditReport } from '../../src/inspect/audit/report.ts';
import { startDocker, type Docker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { startReady } from '../support/odd-process.ts';
import { startRootlessPodman, type RootlessPodman } from '../support/podmans.ts';
import { lacks } from '../support/requires.ts';
import { cgroupMounts } from '../support/test-cgroups.ts';

/** By kernel and distribution: security modules, which cgroups there are, which bounding set we have ourselves. */
const VARIES = new Set(['S3', 'N6', 'M6', 'M7', 'M9', 'C1', 'C11', 'M3', 'M10', 'C14', 'G4', 'G6']);

function look(pid: number): AuditReport {
  return audit(linuxHost(), [{ type: 'process', pid, word: String(pid), whole: true }], { files: false });
}

/** Of a cgroup, in this hierarchy or in each that has it. */
function foldersOf(path: string, hierarchy?: string): readonly string[] {
  const mounts = [...cgroupMounts()].filter(([name]) => hierarchy === undefined || name === hierarchy);
  return [...new Set(mounts.map(([, mount]) => `${mount}${path}`))].filter((folder) => existsSync(folder));
}

/** `critical C2` and so on, each once. */
function told({ findings }: AuditReport): readonly string[] {
  const lines = findings.filter(({ code }) => !VARIES.has(code)).map(({ severity, code }) => `${severity} ${code}`);
  return [...new Set(lines)];
}

describe.skipIf(lacks('root', 'busybox', 'docker'))('docker', () => {
  let yard: Yard;
  let docker: Docker;

  beforeAll(async () => {
    yard = new Yard();
    docker = await startDocker(yard);
  });
  afterAll(() => yard.close());

  function made(...options: readonly string[]): number {
    const network = options.some((option) => option.startsWith('--network')) ? [] : ['--network=none'];
    const id = docker.run('run', '-d', ...network, ...options, 'tiny:1', 'sleep', '1000');
    return Number(docker.run('inspect', '-f', '{{.State.Pid}}', id));
  }

  it('a default container', () => {
    expect(told(look(made()))).toEqual([
      'medium N7',
      'medium S4',
      'low C12',
      'low S1',
      'low M11',
      'low G1',
      'low G3',
      'info G2',
    ]);
  });

  it('a careful one', () => {
    const careful = ['--user=1000', '--cap-drop=all', '--security-opt=no-new-privileges', '--read-only'];
    const limits = ['--memory=64m', '--pids-limit=64', '--cpus=0.5'];
    expect(told(look(made(...careful, ...limits)))).toEqual([]);
  });

  it.skipIf(lacks('cgroup1'))('one that is put elsewhere, and limited there (G5)', () => {
    const parent = `/nstool-test-audit-${process.pid}`;
    const pid = made('--name=elsewhere', `--cgroup-parent=${parent}`);
    const before = look(pid).findings;
    const [limit = ''] = foldersOf(parent, 'memory');
    writeFileSync(join(limit, 'memory.limit_in_bytes'), '67108864');
    const after = look(pid).findings.map(({ code }) => code);
    docker.run('rm', '-f', 'elsewhere');
    for (const folder of foldersOf(parent)) rmdirSync(folder);
    expect(before.find(({ code }) => code === 'G5')).toMatchObject({
      severity: 'info',
      args: { engine: 'docker', parent },
    });
    expect(before.map(({ code }) => code)).toContain('G1');
    expect(after).not.toContain('G1');
    expect(after).toContain('G3');
  });

  it("one with the host's namespaces", () => {
    const report = look(
      made('--pid=host', '--ipc=host', '--uts=host', '--network=host', '--cap-add=SYS_PTRACE', '--cap-add=SYS_ADMIN'),
    );
    const codes = told(report);
    for (const line of ['critical C5', 'critical C2', 'high N1', 'medium N3', 'low N4']) expect(codes).toContain(line);
    expect(report.findings.find(({ code }) => code === 'C5')?.raised).toEqual(['K1']);
    expect(report.findings.find(({ code }) => code === 'C2')?.raised).toEqual(['K2']);
    expect(report.findings.find(({ code }) => code === 'C14')?.args).toMatchObject({
      added: ['cap_sys_ptrace', 'cap_sys_admin'],
    });
  });

  it('a process in it that may something else is told apart', () => {
    const id = docker.run('run', '-d', '--network=none', '--name=two', '--user=1000', 'tiny:1', 'sleep', '1000');
    docker.run('exec', '-d', '--user=0', id, 'sleep', '999');
    const pid = Number(docker.run('inspect', '-f', '{{.State.Pid}}', id));
    const { targets, findings } = look(pid);
    expect(targets.map(({ target }) => target)).toEqual([`${pid}`, `${pid} comm:sleep`]);
    const strong = findings.filter(({ code }) => code === 'C12').map(({ target }) => target);
    expect(strong).toEqual([`${pid} comm:sleep`]);
  });

  it("shares another one's network (N10)", () => {
    docker.run('run', '-d', '--network=none', '--name=one', 'tiny:1', 'sleep', '1000');
    const found = look(made('--network=container:one')).findings.find(({ code }) => code === 'N10');
    expect(found).toMatchObject({ severity: 'info', args: { kind: 'net', containers: ['container:one'] } });
  });

  it('is listed once, with all others', () => {
    const { targets } = audit(linuxHost(), [{ type: 'containers' }], { files: false });
    const names = targets.map(({ target }) => target);
    expect(names).toEqual(
      expect.arrayContaining(['container:one', 'container:two', 'container:two comm:sleep', 'host']),
    );
    expect(names.filter((name) => name === 'container:one')).toHaveLength(1);
  });
});

describe.skipIf(lacks('root', 'busybox', 'podman', 'runc'))('podman', () => {
  let yard: Yard;
  let pid = 0;

  beforeAll(() => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    writeFileSync(at('containers.conf'), '[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=256:256"]\n');
    const places = ['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')];
    const options = ['--runtime=runc', '--cgroup-manager=cgroupfs', '--events-backend=file', ...places];
    const podman = ['env', `CONTAINERS_CONF=${at('containers.conf')}`, 'podman', ...options];
    yard.engine(...podman, 'import', yard.image, 'tiny:1');
    yard.engine(...podman, 'run', '-d', '--network=none', '--privileged', '--name=strong', 'tiny:1', 'sleep', '1000');
    yard.engine('sh', '-c', `${podman.join(' ')} inspect -f '{{.State.Pid}}' strong > ${at('pid')}`);
    pid = Number(readFileSync(at('pid'), 'utf8'));
  });
  afterAll(() => yard.close());

  it('a privileged one', () => {
    const report = look(pid);
    expect(told(report)).toEqual([
      'critical C2',
      'critical C3',
      'critical C4',
      'critical C6',
      'critical M8',
      'high C5',
      'high C7',
      'high C8',
      'high C9',
      'high S2',
      'medium N7',
      'medium C10',
      'medium C13',
      'medium S4',
      'medium M5',
      'low C12',
      'low S1',
      'low M11',
      'low G1',
      'info G2',
    ]);
    const raised = new Map(report.findings.map(({ code, raised }) => [code, raised]));
    expect([raised.get('C6'), raised.get('M8'), raised.get('M3')]).toEqual([['K5'], ['K7'], ['K4']]);
  });
});

describe.skipIf(lacks('root', 'busybox', 'podman', 'runc', 'userns'))('rootless podman', () => {
  let yard: Yard;
  let podman: RootlessPodman;
  let pid = 0;
  let strong = 0;

  beforeAll(() => {
    yard = new Yard();
    podman = startRootlessPodman(yard);
    strong = podman.start('strong', '--privileged');
    pid = podman.start('web');
  });

  afterAll(async () => {
    await podman.close();
    await yard.close();
  });

  it('a default container', () => {
    // Its limits are those that were handed to the user: none of v1.
    const codes = told(look(pid)).filter((line) => !/ G[123]$/.test(line));
    expect(codes).toEqual(['low N9', 'low S1', 'low M11', 'info N11', 'info C12', 'info S4']);
  });

  it('is in the root of those hierarchies that nobody handed to the user (G4)', () => {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
    const rooted = lines.flatMap((line) => /^[1-9][0-9]*:(memory|cpu|pids|blkio|devices):\/$/.exec(line)?.[1] ?? []);
    const found = look(pid).findings.find(({ code }) => code === 'G4');
    expect(found?.args['controllers'] ?? []).toEqual(rooted.toSorted());
  });

  it('a privileged one: nothing of it is critical, and its capabilities are only told', () => {
    const { findings } = look(strong);
    expect(findings.filter(({ severity }) => severity === 'critical')).toEqual([]);
    expect(findings.find(({ code }) => code === 'C2')).toMatchObject({
      severity: 'info',
      args: { scope: 'namespace' },
    });
  });
});

describe.skipIf(lacks('root'))('a service of the host', () => {
  it('root', async () => {
    const service = await startReady(['sh', '-c', 'echo ready; exec sleep 1000']);
    const report = look(service.pid);
    await service.end();
    expect(new Set(report.findings.map(({ severity }) => severity))).toEqual(new Set(['info']));
    expect(told(report)).toEqual(expect.arrayContaining(['info C2', 'info S1', 'info S2', 'info S4']));
  });

  it('a plain user with a capability', async () => {
    const words = ['--inh-caps=-all,+net_bind_service', '--ambient-caps=-all,+net_bind_service', '--no-new-privs'];
    const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...words];
    const service = await startReady([...user, 'sh', '-c', 'echo ready; exec sleep 1000']);
    const report = look(service.pid);
    await service.end();
    expect(told(report)).toEqual(['medium C15', 'info S2']);
  });
});
