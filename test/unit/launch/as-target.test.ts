// What --as-target plans on hosts that a test machine is not: with security modules, without rights, on old kernels.

import { describe, expect, it } from 'vitest';
import { namespaceKinds } from '../../../src/kernel/abi/namespace-kinds.ts';
import { gap, value, type Host } from '../../../src/kernel/host.ts';
import type { Step } from '../../../src/kernel/program.ts';
import { asTargetParts, type AsTargetPart } from '../../../src/launch/as-target/part.ts';
import { planEnter, type EnterPlan } from '../../../src/launch/enter.ts';
import type { EnterQuery } from '../../../src/launch/enter-query.ts';

const PID = 4913;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Process {
  readonly uid: number;
  readonly groups: string;
  readonly permitted: string;
  readonly bounding: string;
  readonly ambient: string;
  readonly noNewPrivileges: string;
  readonly seccomp: string;
  readonly umask: string;
  readonly openFiles: string;
  readonly oom: string;
  readonly label?: string;
}

const FULL = '000001ffffffffff';
const DOCKER = '00000000a80425fb';

const root: Process = {
  uid: 0,
  groups: '',
  permitted: FULL,
  bounding: FULL,
  ambient: '0',
  noNewPrivileges: '0',
  seccomp: '0',
  umask: '0022',
  openFiles: '1024 4096',
  oom: '0',
};

function filesOf(folder: string, process: Process): readonly (readonly [string, string])[] {
  const { uid, groups, permitted, bounding, ambient, noNewPrivileges, seccomp, umask, openFiles, oom, label } = process;
  const ids = [uid, uid, uid, uid].join('\t');
  const mask = (bits: string): string => bits.padStart(16, '0');
  const status = [
    'Name:\tx',
    `Umask:\t${umask}`,
    'Tgid:\t1',
    'Pid:\t1',
    'PPid:\t0',
    `Uid:\t${ids}`,
    `Gid:\t${ids}`,
    `Groups:\t${groups}`,
    'CapInh:\t0000000000000000',
    `CapPrm:\t${mask(permitted)}`,
    `CapEff:\t${mask(permitted)}`,
    `CapBnd:\t${mask(bounding)}`,
    `CapAmb:\t${mask(ambient)}`,
    `NoNewPrivs:\t${noNewPrivileges}`,
    `Seccomp:\t${seccomp}`,
    'Speculation_Store_Bypass:\tthread vulnerable',
    '',
  ];
  const files: (readonly [string, string])[] = [
    [`${folder}/status`, status.filter((line) => !line.endsWith(':\tabsent')).join('\n')],
    [`${folder}/limits`, `Limit  Soft  Hard\nMax open files   ${openFiles}  files\n`],
    [`${folder}/oom_score_adj`, `${oom}\n`],
  ];
  return label === undefined ? files : [...files, [`${folder}/attr/current`, `${label}\n`]];
}

interface Scene {
  readonly theirs?: Partial<Process>;
  readonly ours?: Partial<Process>;
  /** The inode of our user namespace. */
  readonly user?: number;
  readonly files?: Readonly<Record<string, string>>;
  readonly paths?: readonly string[];
}

const INITIAL_USER = 0xeffffffd;

function hostOf({ theirs = {}, ours = {}, user = INITIAL_USER, files = {}, paths = [] }: Scene): Host {
  const known = new Map([
    ...filesOf(`/proc/${PID}`, { ...root, ...theirs }),
    ...filesOf('/proc/self', { ...root, ...ours }),
    ...Object.entries(files),
  ]);
  const gone = (what: string): ReturnType<typeof gap> => gap({ reason: 'gone', what, errno: 'ENOENT' });
  const host: Partial<Host> = {
    self: { pid: 1, uid: ours.uid ?? 0 },
    readFile: (path) => {
      const text = known.get(path);
      return text === undefined ? gone(path) : value(encode(text));
    },
    // All namespaces are ours.
    readLink: (path) => {
      const name = /\/ns\/(\w+?)(?:_for_children)?$/.exec(path)?.[1];
      const index = namespaceKinds.findIndex(({ kind }) => kind === name);
      if (index < 0) return gone(path);
      return value(`${name}:[${name === 'user' ? user : 1000 + index}]`);
    },
    stat: (path) =>
      path === `/proc/${PID}` || paths.includes(path)
        ? value({ dev: 1n, ino: 1n, mode: 0o40555, uid: 0, gid: 0 })
        : gone(path),
    askNamespace: () => gap({ reason: 'unsupported', what: 'nsfs' }),
  };
  // What planning does not ask is not there.
  return host as Host;
}

function plan(scene: Scene, parts: readonly AsTargetPart[] = asTargetParts, more: Partial<EnterQuery> = {}): EnterPlan {
  const query: EnterQuery = {
    pid: PID,
    kinds: [],
    given: [],
    preserveCredentials: false,
    fork: true,
    command: [encode('id')],
    trace: false,
    asTarget: new Set(parts.filter((part) => part !== 'cgroup')),
    ...more,
  };
  return planEnter(hostOf(scene), query, { env: [] });
}

/** Without what every entering begins and ends with. */
function steps({ program }: EnterPlan): readonly Step[] {
  return program.steps.slice(2, -1);
}

const labels = (planned: EnterPlan): readonly string[] => steps(planned).map(({ label }) => label);

describe('the order', () => {
  it('a container of docker, with another uid', () => {
    const theirs = { uid: 1000, groups: '5 6 ', permitted: '400', bounding: DOCKER, ambient: '400', seccomp: '2' };
    const planned = plan({ theirs: { ...theirs, umask: '0027', openFiles: '64 unlimited', oom: '-500' } });
    expect(planned.uncopied.filter(({ what }) => !what.startsWith('limit of '))).toEqual([]);
    expect(labels(planned)).toEqual([
      'read the seccomp filters of the target',
      'open /proc/self/oom_score_adj',
      'set oom_score_adj to -500',
      'set the limit of open files to 1024, hard unlimited',
      'limit the bounding set to 14 capabilities',
      'keep the capabilities when the uid changes',
      'set the supplementary groups 5 6',
      'setgid 1000',
      'setuid 1000',
      'make ambient: cap_net_bind_service',
      'skip 1 step if that worked',
      'set the limit of open files to 64, hard 4096',
      'set the limit of open files to 64, hard unlimited',
      'set the umask to 0027',
      'use the kept capabilities',
      'set the seccomp filters',
    ]);
  });

  it('with no_new_privs the sets come before it, and the filters after', () => {
    const theirs = { permitted: DOCKER, bounding: DOCKER, noNewPrivileges: '1', seccomp: '2' };
    expect(labels(plan({ theirs }, ['caps', 'nnp', 'seccomp']))).toEqual([
      'read the seccomp filters of the target',
      'limit the bounding set to 14 capabilities',
      'set the capabilities',
      'set no_new_privs',
      'set the seccomp filters',
    ]);
  });

  it('what is alike takes no step', () => {
    const planned = plan({});
    expect(labels(planned)).toEqual([]);
    expect(planned.program.steps).toHaveLength(3);
  });
});

describe('labels', () => {
  const appArmor = { '/sys/module/apparmor/parameters/enabled': 'Y\n' };

  it('of AppArmor: the name of the profile, for the next exec', () => {
    const scene = { theirs: { label: 'docker-default (enforce)' }, ours: { label: 'unconfined' }, files: appArmor };
    const [open, write] = steps(plan(scene, ['label']));
    expect(open?.operation).toMatchObject({ op: 'open', path: '/proc/self/attr/exec' });
    expect(write?.operation).toMatchObject({ op: 'write', bytes: 'exec docker-default' });
  });

  it('of AppArmor beside another module: its own folder', () => {
    const files = {
      ...appArmor,
      [`/proc/${PID}/attr/apparmor/current`]: 'a//&b (complain)\n',
      '/proc/self/attr/apparmor/current': 'unconfined\n',
    };
    const paths = [`/proc/${PID}/attr/apparmor`, '/proc/self/attr/apparmor'];
    const [open, write] = steps(plan({ files, paths }, ['label']));
    expect(open?.operation).toMatchObject({ path: '/proc/self/attr/apparmor/exec' });
    expect(write?.operation).toMatchObject({ bytes: 'exec a//&b' });
  });

  it('of SELinux: as it stands', () => {
    const label = 'system_u:system_r:container_t:s0:c1,c2';
    const scene = { theirs: { label }, ours: { label: 'unconfined_t' }, paths: ['/sys/fs/selinux/enforce'] };
    expect(steps(plan(scene, ['label']))[1]?.operation).toMatchObject({ op: 'write', bytes: label });
  });

  it('of a module that is not known is said', () => {
    const planned = plan({ theirs: { label: 'smacked' }, ours: { label: '_' } }, ['label']);
    expect(labels(planned)).toEqual([]);
    expect(planned.uncopied).toMatchObject([{ what: 'label smacked' }]);
  });

  it('the same as ours, or none at all', () => {
    expect(labels(plan({ theirs: { label: 'x' }, ours: { label: 'x' }, files: appArmor }, ['label']))).toEqual([]);
    expect(plan({}, ['label']).uncopied).toEqual([]);
  });
});

describe('what cannot be copied is said, not tried', () => {
  const plain = { uid: 1000, permitted: '0' };

  it.each<[string, Scene, readonly AsTargetPart[], string]>([
    ['a filter, without rights', { ours: plain, theirs: { seccomp: '2' } }, ['seccomp'], 'CAP_SYS_ADMIN'],
    ['a filter, in a container', { user: 99, theirs: { seccomp: '2' } }, ['seccomp'], 'initial user namespace'],
    ['a filter, with one of ours', { ours: { seccomp: '2' }, theirs: { seccomp: '2' } }, ['seccomp'], 'of our own'],
    ['no filter, with one of ours', { ours: { seccomp: '2' } }, ['seccomp'], 'of our own'],
    ['strict mode', { theirs: { seccomp: '1' } }, ['seccomp'], 'strict mode'],
    ['no no_new_privs', { ours: { noNewPrivileges: '1' } }, ['nnp'], 'nobody gets rid of it'],
    ['a bounding set, without rights', { ours: plain, theirs: { bounding: '1' } }, ['caps'], 'CAP_SETPCAP'],
    ['more than our bounding set', { ours: { bounding: '1' } }, ['caps'], 'we have not got it'],
    ['a hard limit', { ours: plain, theirs: { openFiles: '9 9999' } }, ['limits'], 'the command gets 9, hard 4096'],
    ['oom_score_adj', { ours: plain, theirs: { oom: '-1' } }, ['oom'], 'CAP_SYS_RESOURCE'],
    ['groups', { ours: plain, theirs: { ...plain, groups: '7' } }, ['ids'], 'CAP_SETGID'],
    ['the umask of an old kernel', { theirs: { umask: 'absent' } }, ['umask'], 'Linux 4.7'],
    ['no_new_privs of an old kernel', { theirs: { noNewPrivileges: 'absent' } }, ['nnp'], 'Linux 4.10'],
  ])('%s', (_, scene, parts, why) => {
    const planned = plan(scene, parts);
    expect(planned.uncopied.map((each) => each.why).join('\n')).toContain(why);
    const tried = steps(planned).filter(({ operation }) => operation.op !== 'rlimit');
    expect(tried.map(({ label }) => label)).toEqual([]);
  });
});

it('a plain user opens the own oom_score_adj while dumpable, and is not afterwards', () => {
  const planned = plan({ ours: { uid: 1000, permitted: '0' }, theirs: { uid: 1000, permitted: '0', oom: '7' } }, [
    'oom',
  ]);
  expect(steps(planned).map(({ operation }) => operation)).toMatchObject([
    { op: 'prctl', option: 4, args: [1n, 0n, 0n, 0n] },
    { op: 'open', path: '/proc/self/oom_score_adj' },
    { op: 'prctl', option: 4, args: [0n, 0n, 0n, 0n] },
    { op: 'write', bytes: '7' },
  ]);
});

it('every step that may fail says what is not copied then, or is one of two ways', () => {
  const theirs = { uid: 1000, groups: '5', permitted: '0', bounding: DOCKER, ambient: '400', seccomp: '2', umask: '0' };
  const silent = steps(plan({ theirs: { ...theirs, openFiles: '64 unlimited', oom: '1' } }))
    .filter((step) => step.try === true && step.explanations.length === 0)
    .map(({ label }) => label);
  expect(silent).toEqual([
    'keep the capabilities when the uid changes',
    'set the limit of open files to 64, hard 4096',
    'set the limit of open files to 64, hard unlimited',
    'use the kept capabilities',
  ]);
});
