// The checks of the audit on real processes: for each a target that it is made for, and one that it must pass over.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { audit, type TargetFinding } from '../../src/inspect/audit/report.ts';
import { auditedProgram } from '../support/audited.ts';
import { until } from '../support/engines.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import { childrenOf } from '../support/targets.ts';

const NOBODY = 65_534;
const SLEEP = ['sh', '-c', 'echo ready; exec sleep 1000'];
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
/** A pid namespace makes it contained. */
const CONTAINED = ['unshare', '--pid', '--fork', '--kill-child'];

let folder = '';
const started: Started[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const each of started.splice(0)) await each.end();
});

/** The pid of the command, or of what it became below so many that only wait. */
async function start(command: readonly string[], below = 0): Promise<number> {
  const one = await startReady(command);
  started.push(one);
  let { pid } = one;
  for (let level = 0; level < below; level += 1) pid = Number(childrenOf(pid)[0]);
  return pid;
}

function findings(pid: number, files = false): readonly TargetFinding[] {
  const word = String(pid);
  return audit(linuxHost(), [{ type: 'process', pid, word, whole: false }], { files }).findings;
}

/** The severity of each finding with this code; empty: none. */
function of(code: string, pid: number, files = false): readonly string[] {
  return findings(pid, files)
    .filter((finding) => finding.code === code)
    .map(({ severity }) => severity);
}

const contained = (...options: readonly string[]): Promise<number> => start([...CONTAINED, ...options, ...SLEEP], 1);

/** In a root of its own that has busybox and nothing else, read-only, in the initial user namespace. */
function boxed(...options: readonly string[]): Promise<number> {
  const busybox = run(['sh', '-c', 'command -v busybox']).stdout.trim();
  const kinds = ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'];
  const script = 'echo ready; exec /bin/busybox sleep 1000';
  const inside = ['--as-pid-1', '/bin/busybox', 'sh', '-c', script];
  return start(
    ['bwrap', ...kinds, '--ro-bind', busybox, '/bin/busybox', ...options, '--remount-ro', '/', ...inside],
    1,
  );
}

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'userns', 'cc'))('namespaces', () => {
  it.each([
    ['N1', 'high', '--pid', '--user'],
    ['N2', 'high', '--user', '--net'],
    ['N3', 'medium', '--user', '--ipc'],
    ['N4', 'low', '--user', '--uts'],
  ])('%s', async (code, severity, shares, has) => {
    // Without a pid namespace it is the user namespace that makes it contained.
    const sharing = await start(['unshare', code === 'N1' ? has : shares, ...SLEEP]);
    expect(of(code, sharing)).toEqual([severity]);
    expect(of(code, await contained(code === 'N1' ? '--net' : has))).toEqual([]);
  });

  it('N6', async () => {
    expect(of('N6', await contained())).toHaveLength(1);
    expect(of('N6', await contained('--cgroup'))).toEqual([]);
  });

  it('N7: root without a user namespace of its own', async () => {
    expect(of('N7', await contained())).toEqual(['medium']);
    expect(of('N7', await start([...CONTAINED, ...AS_NOBODY, ...SLEEP], 1))).toEqual([]);
    expect(of('N7', await start(['unshare', '-Ur', ...SLEEP]))).toEqual([]);
  });

  it("N8: the host's root in a map", async () => {
    expect(of('N8', await start(['unshare', '-Ur', ...SLEEP]))).toEqual(['high']);
    expect(of('N8', await start([...AS_NOBODY, 'unshare', '-Ur', ...SLEEP]))).toEqual([]);
  });

  it('N9: setgroups in a map that a plain user could not write himself', async () => {
    const pid = await start([...AS_NOBODY, 'unshare', '-U', ...SLEEP]);
    writeFileSync(`/proc/${pid}/gid_map`, '0 100000 10');
    expect(of('N9', pid)).toEqual(['low']);
    expect(of('N9', await start([...AS_NOBODY, 'unshare', '-Ur', ...SLEEP]))).toEqual([]);
  });

  it('N11: namespaces of another owner', async () => {
    const owner = await start([...AS_NOBODY, 'unshare', '-Urm', ...SLEEP]);
    expect(of('N11', owner)).toEqual(['info']);
    // With the capabilities of the host among files that a plain user arranges.
    expect(of('N11', await start(['nsenter', '-t', `${owner}`, '-m', ...SLEEP]))).toEqual(['high']);
    expect(of('N11', await contained('--net', '--mount'))).toEqual([]);
  });
});

/** Capabilities that a plain user has, as an ambient set. */
function withCapabilities(names: string): Promise<number> {
  const sets = names.split(',').map((name) => `+${name}`);
  const words = [`--inh-caps=-all,${sets.join(',')}`, `--ambient-caps=-all,${sets.join(',')}`];
  return start([...AS_NOBODY, ...words, ...SLEEP]);
}

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'userns', 'cc'))('capabilities', () => {
  let none = 0;
  beforeAll(async () => {
    const one = await startReady([...AS_NOBODY, '--inh-caps=-all', ...SLEEP]);
    none = one.pid;
    return () => one.end();
  });

  it.each([
    ['C2', 'sys_admin', 'critical'],
    ['C3', 'sys_module', 'critical'],
    ['C4', 'sys_rawio', 'critical'],
    ['C5', 'sys_ptrace', 'high'],
    ['C7', 'bpf', 'high'],
    ['C7', 'perfmon', 'medium'],
    ['C8', 'sys_boot', 'high'],
    ['C9', 'mac_admin', 'high'],
    ['C10', 'net_admin', 'high'],
    ['C12', 'net_raw', 'low'],
    ['C13', 'sys_time', 'medium'],
    ['C13', 'syslog', 'low'],
    ['C15', 'net_bind_service', 'medium'],
  ])('%s: %s', async (code, name, severity) => {
    expect(of(code, await withCapabilities(name))).toEqual([severity]);
    expect(of(code, none)).toEqual([]);
  });

  it('C6 is critical without a filter (K5)', async () => {
    const finding = findings(await withCapabilities('dac_read_search')).find(({ code }) => code === 'C6');
    expect(finding).toMatchObject({ severity: 'critical', raised: ['K5'], args: { write: false } });
    expect(of('C6', none)).toEqual([]);
  });

  it('C11 tells what the cgroup lets it use', async () => {
    const finding = findings(await withCapabilities('mknod')).find(({ code }) => code === 'C11');
    expect(['open', 'limited', 'unknown']).toContain(finding?.args['devices']);
    expect(finding?.severity).toBe(finding?.args['devices'] === 'open' ? 'high' : 'low');
    expect(of('C11', none)).toEqual([]);
  });

  it('in a user namespace of its own all of them are only told', async () => {
    const pid = await start([...AS_NOBODY, 'unshare', '-Ur', ...SLEEP]);
    const held = findings(pid).filter(({ code }) => code.startsWith('C'));
    expect(held.map(({ code }) => code)).toEqual(expect.arrayContaining(['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C8']));
    expect(new Set(held.map(({ severity }) => severity))).toEqual(new Set(['info']));
    expect(findings(pid).filter(({ severity }) => severity === 'critical')).toEqual([]);
  });

  it('of root of the host they are only told', async () => {
    const held = findings(await start(SLEEP)).filter(({ code }) => code.startsWith('C'));
    expect(held.map(({ code }) => code)).toContain('C2');
    expect(new Set(held.map(({ severity }) => severity))).toEqual(new Set(['info']));
  });

  it('C14: more than the engine gives', async () => {
    expect(of('C14', await contained())).toEqual(['info']);
    expect(
      of('C14', await start([...CONTAINED, ...AS_NOBODY, '--inh-caps=-all', '--bounding-set=-all', ...SLEEP], 1)),
    ).toEqual([]);
  });

  it('C16: inheritable without ambient', async () => {
    expect(of('C16', await start([...AS_NOBODY, '--inh-caps=-all,+net_raw', ...SLEEP]))).toEqual(['low']);
    expect(of('C16', await withCapabilities('net_raw'))).toEqual([]);
  });

  it('C17: permitted, not effective', async () => {
    const dormant = await start([auditedProgram(), 'capset', '0', '2000', '0']);
    expect(of('C17', dormant)).toEqual(['info']);
    expect(of('C12', dormant)).toEqual(['info']);
    expect(of('C17', await start([auditedProgram(), 'capset', '2000', '2000', '0']))).toEqual([]);
  });

  it('C18: what a setuid program would give', async () => {
    expect(of('C18', await start([...CONTAINED, ...AS_NOBODY, ...SLEEP], 1))).toEqual(['low']);
    expect(of('C18', await start([...CONTAINED, ...AS_NOBODY, '--no-new-privs', ...SLEEP], 1))).toEqual([]);
  });

  it('C19: threads that differ', async () => {
    const finding = findings(await start([auditedProgram(), 'thread'])).find(({ code }) => code === 'C19');
    expect(finding).toMatchObject({ severity: 'medium', args: { differs: ['noNewPrivileges'], more: [] } });
    const hidden = await start([...CONTAINED, auditedProgram(), 'hidden'], 1);
    expect(of('C2', hidden)).toEqual([]);
    const strong = findings(hidden).find(({ code }) => code === 'C19');
    expect(strong?.severity).toBe('high');
    expect(strong?.args['more']).toContain('cap_sys_admin');
    // Node has threads, and all are alike.
    expect(of('C19', process.pid)).toEqual([]);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'cc'))('security context', () => {
  it('S1 and S2', async () => {
    const open = await contained();
    expect([of('S1', open), of('S2', open)]).toEqual([['low'], ['high']]);
    const closed = await start([...CONTAINED, auditedProgram(), 'filtered'], 1);
    expect([of('S1', closed), of('S2', closed)]).toEqual([[], []]);
    expect(of('S1', await start([...CONTAINED, ...AS_NOBODY, ...SLEEP], 1))).toEqual(['medium']);
  });

  it('S4', async () => {
    expect(of('S4', await contained())).toEqual(['medium']);
    expect(of('S4', await start([...AS_NOBODY, 'unshare', '-Ur', ...SLEEP]))).toEqual(['info']);
    expect(of('S4', await start([...AS_NOBODY, ...SLEEP]))).toEqual([]);
    // Without a map it has the files of the host's root all the same.
    expect(of('S4', await start(['unshare', '-U', ...SLEEP]))).toEqual(['medium']);
    expect(of('S4', await start([...AS_NOBODY, 'unshare', '-U', ...SLEEP]))).toEqual([]);
  });

  it('S5: it can become root again', async () => {
    const finding = findings(await start([auditedProgram(), 'euid', `${NOBODY}`])).find(({ code }) => code === 'S5');
    expect(finding).toMatchObject({
      severity: 'medium',
      args: { real: 0, effective: NOBODY, saved: 0, regains: true },
    });
    expect(of('S5', await start([...AS_NOBODY, ...SLEEP]))).toEqual([]);
  });

  it("S6: the host's group disk", async () => {
    const gid = /^disk:[^:]*:(\d+)/m.exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? '';
    const words = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, `--groups=${gid}`, ...SLEEP];
    const finding = findings(await start(words)).find(({ code }) => code === 'S6');
    expect(finding).toMatchObject({ severity: 'high', args: { group: 'disk', named_by: 'host' } });
    expect(of('S6', await start([...AS_NOBODY, ...SLEEP]))).toEqual([]);
  });

  it('S8: traced', async () => {
    expect(of('S8', await start([auditedProgram(), 'traced'], 1))).toEqual(['info']);
    expect(of('S8', await start(SLEEP))).toEqual([]);
  });
});

/** bwrap's words to put a file over one of /proc that this kernel has. */
function cover(how: string, by: string, name: string): readonly string[] {
  return existsSync(`/proc/${name}`) ? [how, by, `/proc/${name}`] : [];
}

describe.skipIf(lacks('root', 'namespaces', 'bwrap', 'busybox', 'cc'))('mounts', () => {
  it('finds nothing in a root of its own', async () => {
    const found = findings(await boxed()).filter(({ code }) => code.startsWith('M'));
    expect(found.map(({ code }) => code)).toEqual([]);
  });

  it("M1: an engine's socket, by its mode", async () => {
    const socket = join(folder, 'docker.sock');
    await start([auditedProgram(), 'listen', socket]);
    chmodSync(socket, 0o600);
    const finding = findings(await boxed('--bind', socket, '/run/docker.sock')).find(({ code }) => code === 'M1');
    expect(finding).toMatchObject({
      severity: 'critical',
      raised: ['K8'],
      args: { path: '/run/docker.sock', writable: true },
    });
    const inFolder = findings(await boxed('--bind', folder, '/mnt')).filter(({ code }) => code === 'M1');
    expect(inFolder.map(({ args }) => args['path'])).toEqual(['/mnt/docker.sock']);
    // What lies over it hides it.
    expect(of('M1', await boxed('--bind', folder, '/mnt', '--ro-bind', '/dev/null', '/mnt/docker.sock'))).toEqual([]);
    const plain = await start([...CONTAINED, '--mount', ...AS_NOBODY, ...SLEEP], 1);
    const refused = findings(plain).filter(({ code, args }) => code === 'M1' && args['host_path'] === socket);
    expect(refused.map(({ severity }) => severity)).toEqual(['medium']);
    rmSync(socket);
  });

  it('M1: not critical below a folder that is closed to it, whatever the mode of the socket', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const socket = join(closed, 'docker.sock');
    await start([auditedProgram(), 'listen', socket]);
    chmodSync(socket, 0o666);
    const plain = await start([...CONTAINED, '--mount', ...AS_NOBODY, ...SLEEP], 1);
    const severities = (): readonly string[] =>
      findings(plain)
        .filter(({ code, args }) => code === 'M1' && args['host_path'] === socket)
        .map(({ severity }) => severity);
    expect(severities()).toEqual(['medium']);
    chmodSync(closed, 0o755);
    expect(severities()).toEqual(['critical']);
    rmSync(closed, { recursive: true });
  });

  it.each([
    ['docker.sock', '/run/other', 'critical'],
    ['other', '/run/docker.sock', 'critical'],
    ['other', '/run/other', undefined],
  ])('M1: of an engine in other namespaces than ours: %s at %s', async (name, path, severity) => {
    const busybox = run(['sh', '-c', 'command -v busybox']).stdout.trim();
    const script = `mount -t tmpfs none /mnt
      ${auditedProgram()} listen /mnt/${name} >/dev/null &
      until test -S /mnt/${name}; do sleep 0.05; done
      kill $!
      exec bwrap --unshare-pid --ro-bind ${busybox} /bin/busybox --bind /mnt/${name} ${path} --remount-ro / \
        --as-pid-1 /bin/busybox sh -c 'echo ready; exec /bin/busybox sleep 1000'`;
    const pid = await start(['unshare', '--mount', '--net', 'sh', '-ec', script], 1);
    const found = findings(pid).find(({ code }) => code === 'M1');
    expect(found?.severity).toBe(severity);
    if (found !== undefined) expect(found.args).toEqual({ path, host_path: null, writable: true });
  });

  it('M2: a directory of the host, by whether it can be written to', async () => {
    expect(of('M2', await boxed('--bind', '/etc', '/host'))).toEqual(['high']);
    expect(of('M2', await boxed('--ro-bind', '/etc', '/host'))).toEqual(['medium']);
    expect(of('M2', await boxed('--bind', folder, '/host'))).toEqual([]);
  });

  it('M3: /proc/sys is critical for root of the host (K4), and low in a user namespace of its own', async () => {
    const finding = findings(await contained('--mount-proc')).find(({ code }) => code === 'M3');
    expect(finding).toMatchObject({ severity: 'critical', raised: ['K4'] });
    expect(finding?.args['writable']).toContain('/proc/sys');
    expect(of('M3', await start([...AS_NOBODY, ...CONTAINED, '-Ur', '--mount-proc', ...SLEEP], 1))).toEqual(['low']);
    // The setting asks for the host's uid 0, and for no capability.
    const own = await contained('-Ur', '--mount-proc');
    expect(
      run([
        'nsenter',
        `--mount=/proc/${own}/ns/mnt`,
        'setpriv',
        '--inh-caps=-all',
        '--bounding-set=-all',
        'test',
        '-w',
        '/proc/sys/kernel/core_pattern',
      ]).status,
    ).toBe(0);
    expect(of('M3', own)).toEqual(['critical']);
    const covered = ['sys', 'sysrq-trigger'].flatMap((name) => cover('--ro-bind', `/proc/${name}`, name));
    expect(of('M3', await boxed('--proc', '/proc', ...covered))).toEqual(['medium']);
    const hidden = ['kcore', 'keys', 'timer_list'].flatMap((name) => cover('--ro-bind', '/dev/null', name));
    expect(of('M3', await boxed('--proc', '/proc', ...covered, ...hidden))).toEqual([]);
  });

  it("M4: the host's /proc", async () => {
    const finding = findings(await boxed('--bind', '/proc', '/host')).find(({ code }) => code === 'M4');
    expect(finding).toMatchObject({ severity: 'critical', raised: ['K4'], args: { writable: true } });
    expect(of('M4', await boxed('--ro-bind', '/proc', '/host'))).toEqual(['high']);
    expect(of('M4', await boxed('--proc', '/proc'))).toEqual([]);
  });

  it('M5: /sys', async () => {
    expect(of('M5', await boxed('--bind', '/sys', '/sys'))).toContain('medium');
    expect(of('M5', await boxed('--ro-bind', '/sys', '/sys'))).toEqual([]);
  });

  it.each([
    ['M6', 'cgroup'],
    ['M7', 'cgroup2'],
  ])('%s: %s', async (code, type) => {
    const line = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .find((each) => each.split(' ')[2] === type);
    const path = line?.split(' ')[1];
    if (path === undefined) return;
    const found = findings(await boxed('--bind', path, '/cgroup')).filter((finding) => finding.code === code);
    expect(found.map(({ severity, raised }) => [severity, raised])).toEqual([
      code === 'M6' ? ['critical', ['K3']] : ['low', []],
    ]);
    expect(of(code, await boxed('--ro-bind', path, '/cgroup'))).toEqual([]);
  });

  it("M8: the host's devices, and a bare /dev", async () => {
    const finding = findings(await boxed('--dev-bind', '/dev', '/dev')).find(({ code }) => code === 'M8');
    expect(['high', 'critical']).toContain(finding?.severity);
    expect(of('M8', await boxed('--dev', '/dev'))).toEqual([]);
  });

  it('M9: tracefs', async () => {
    const mount = 'mount -t tracefs tracefs /mnt && exec "$@"';
    const busybox = run(['sh', '-c', 'command -v busybox']).stdout.trim();
    const words = (how: string): readonly string[] => {
      const bwrap = [
        'bwrap',
        '--unshare-pid',
        '--ro-bind',
        busybox,
        '/bin/busybox',
        how,
        '/mnt',
        '/trace',
        '--as-pid-1',
      ];
      const inside = ['/bin/busybox', 'sh', '-c', 'echo ready; exec /bin/busybox sleep 1000'];
      return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mount, 'sh', ...bwrap, ...inside];
    };
    expect(of('M9', await start(words('--bind'), 1))).toEqual(['high']);
    expect(of('M9', await start(words('--ro-bind'), 1))).toEqual(['medium']);
  });

  it('M11 and M13', async () => {
    const token = '/run/secrets/kubernetes.io/serviceaccount';
    expect(of('M13', await boxed('--tmpfs', token))).toEqual(['info']);
    expect(of('M11', await contained('--mount'))).toEqual(['low']);
  });

  it('M14: an abstract socket of an X server', async () => {
    const name = `@/tmp/.X11-unix/X${process.pid}`;
    await start([auditedProgram(), 'listen', name]);
    const found = findings(await contained('--mount')).filter(({ code }) => code === 'M14');
    expect(found.map(({ args }) => args)).toContainEqual({ path: name, abstract: true });
    expect(of('M14', await boxed())).toEqual([]);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'userns', 'cc'))('findings that are worse together', () => {
  /** It has a user in common with nobody, and shares what it is told to. */
  const raised = (pid: number): readonly string[] =>
    [...new Set(findings(pid).flatMap((finding) => finding.raised))].toSorted();

  it('K6: a shim of containerd', async () => {
    await start([auditedProgram(), 'listen', `@/containerd-shim/${process.pid}.sock`]);
    expect(raised(await contained('--mount'))).toContain('K6');
    expect(raised(await contained('--mount', '--net'))).not.toContain('K6');
  });

  it('K7: disks and CAP_MKNOD', async () => {
    expect(raised(await contained('--mount'))).toContain('K7');
    expect(raised(await start([...CONTAINED, '--mount', ...AS_NOBODY, '--inh-caps=-all', ...SLEEP], 1))).not.toContain(
      'K7',
    );
  });

  it('none in a user namespace of a plain user', async () => {
    expect(raised(await start([...AS_NOBODY, ...CONTAINED, '-Urm', ...SLEEP], 1))).toEqual([]);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'cc', 'capsh', 'busybox'))('files', () => {
  const copy = (name: string): string => {
    const path = join(folder, name);
    copyFileSync(auditedProgram(), path);
    chmodSync(path, 0o755);
    return path;
  };
  const setcap = (...words: readonly string[]): void => {
    expect(run(['setcap', ...words])).toMatchObject({ status: 0 });
  };

  it('F1: interpreters first, and only with --files', async () => {
    const busybox = run(['sh', '-c', 'command -v busybox']).stdout.trim();
    // A root of its own, as that of a container: bwrap's mounts are nosuid, where no capabilities count.
    const script = `
      mount -t tmpfs tmpfs /mnt; mkdir /mnt/bin /mnt/old; cd /mnt
      for name in audited tool python3 ping; do cp ${auditedProgram()} bin/$name; done; cp ${busybox} bin/busybox
      setcap cap_sys_admin+ep bin/tool cap_setuid+ep bin/python3 cap_net_raw+ep bin/ping
      pivot_root . old
      exec /bin/busybox chroot . /bin/busybox sh -c '/bin/busybox umount -l /old; exec /bin/audited thread'`;
    const pid = await start(['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script]);
    const found = findings(pid, true).filter(({ code }) => code === 'F1');
    expect(found.map(({ severity, args }) => [severity, args])).toEqual([
      ['high', { path: '/bin/python3', capabilities: ['cap_setuid'], interpreter: true }],
      ['high', { path: '/bin/tool', capabilities: ['cap_sys_admin'], interpreter: false }],
    ]);
    expect(of('F1', pid)).toEqual([]);
  });

  it('F1: of a root that is no mount, and none where there are none', async () => {
    const root = join(folder, 'root');
    mkdirSync(root);
    copyFileSync(auditedProgram(), join(root, 'audited'));
    chmodSync(join(root, 'audited'), 0o755);
    const pid = await start(['chroot', root, '/audited', 'thread']);
    expect(of('F1', pid, true)).toEqual([]);
    setcap('=ep', join(root, 'audited'));
    const finding = findings(pid, true).find(({ code }) => code === 'F1');
    expect(finding?.args).toEqual({ path: '/audited', capabilities: ['all'], interpreter: false });
  });

  it('F2: it could not be started again', async () => {
    const path = copy('f2');
    const pid = await start(['setpriv', '--bounding-set=-net_raw', path, 'thread']);
    expect(of('F2', pid)).toEqual([]);
    setcap('cap_net_raw+ep', path);
    const finding = findings(pid).find(({ code }) => code === 'F2');
    expect(finding).toMatchObject({ severity: 'info', args: { path, missing: ['cap_net_raw'] } });
    // And so it is.
    expect(run(['setpriv', '--bounding-set=-net_raw', path, 'thread']).stderr).toContain('Operation not permitted');
  });

  it('F3: for another user namespace', async () => {
    const path = copy('f3');
    setcap('-n', '100000', 'cap_net_raw+ep', path);
    expect(of('F3', await start([path, 'thread']))).toEqual(['info']);
    setcap('cap_net_raw+ep', path);
    expect(of('F3', await start([path, 'thread']))).toEqual([]);
  });

  it('F4: nosuid', async () => {
    const path = copy('f4');
    chmodSync(path, 0o4755);
    const mount = `mount -t tmpfs -o nosuid tmpfs /mnt && cp -p ${path} /mnt/f4 && exec /mnt/f4 thread`;
    expect(of('F4', await start(['unshare', '--mount', 'sh', '-c', mount]))).toEqual(['info']);
    expect(of('F4', await start([path, 'thread']))).toEqual([]);
  });
});

it('reads the settings of the host', () => {
  const { targets, findings: found } = audit(linuxHost(), [{ type: 'host' }], { files: false });
  expect(targets.map(({ target }) => target)).toEqual(['host']);
  for (const { code } of found) expect(code).toMatch(/^H[1-4]$/);
});

describe.skipIf(lacks('root', 'cgroup1', 'unshare'))('cgroups', () => {
  const NAME = `/nstool-test-audit-${process.pid}`;
  const CONTAINER = `${NAME}/docker-${'c'.repeat(64)}.scope`;
  const LIMITS = {
    memory: { 'memory.limit_in_bytes': '67108864' },
    pids: { 'pids.max': '50' },
    cpu: { 'cpu.cfs_quota_us': '20000' },
  } as const;
  let cgroups: TestCgroups;

  afterEach(() => cgroups.end());

  type Files = Readonly<Record<string, Readonly<Record<string, string>>>>;

  /** A container of docker's below a cgroup of ours, with these files written on either. */
  async function inCgroups(above: Files, own: Files, before: readonly string[] = []): Promise<number> {
    cgroups = new TestCgroups();
    const hierarchies = ['memory', 'pids', 'cpu', 'devices', 'blkio'];
    const folders = hierarchies.flatMap((hierarchy) => {
      if (!cgroups.mounts.has(hierarchy)) return [];
      cgroups.make(hierarchy, NAME, above[hierarchy]);
      return cgroups.make(hierarchy, CONTAINER, own[hierarchy]);
    });
    const pid = cgroups.start(folders, before);
    // Who it becomes it is when its command has taken over.
    await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    return pid;
  }

  const codes = ['G1', 'G2', 'G3', 'G4', 'G5', 'G6'];
  const all = (pid: number): Readonly<Record<string, readonly string[]>> => {
    return Object.fromEntries(codes.map((code) => [code, of(code, pid)]));
  };

  it('no limits, elsewhere than docker would put it', async () => {
    const found = all(await inCgroups({}, {}));
    expect(found).toEqual({ G1: ['low'], G2: ['info'], G3: ['low'], G4: [], G5: ['info'], G6: ['high'] });
  });

  it.each([
    ['its own', {}, LIMITS],
    ['of the one above alone', LIMITS, {}],
  ])('limits: %s', async (_, above, own) => {
    expect(all(await inCgroups(above, own))).toMatchObject({ G1: [], G2: [], G3: [] });
  });

  it('G2: weighed, or kept from processors, is as good as a quota', async () => {
    expect(of('G2', await inCgroups({}, { cpu: { 'cpu.shares': '512' } }))).toEqual([]);
  });

  it('G6: devices, of root and of others', async () => {
    expect(of('G6', await inCgroups({}, { devices: { 'devices.deny': 'a' } }))).toEqual([]);
  });

  it('G6: all devices are less to a plain user', async () => {
    expect(of('G6', await inCgroups({}, {}, AS_NOBODY))).toEqual(['low']);
  });

  it('G4: in the root of some', async () => {
    cgroups = new TestCgroups();
    const pid = await contained();
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
    const words = lines.flatMap((line) => /^[1-9][0-9]*:([^:]*):\/$/.exec(line)?.[1]?.split(',') ?? []);
    const expected = words.filter((word) => ['memory', 'cpu', 'pids', 'io', 'blkio', 'devices'].includes(word));
    const found = findings(pid).find(({ code }) => code === 'G4');
    expect(found?.args['controllers'] ?? []).toEqual(expected.toSorted());
  });
});
