// What planning looks at besides namespaces: a sandbox around the target, and whether it is one of ours, on made-up hosts.

import { describe, expect, test } from 'vitest';
import { namespaceKinds } from '../../../src/kernel/abi/namespace-kinds.ts';
import { gap, value, type Host } from '../../../src/kernel/host.ts';
import type { Operation } from '../../../src/kernel/program.ts';
import { nobody, type Identity } from '../../../src/containers/identity.ts';
import { planEnter, type EnterPlan } from '../../../src/launch/enter.ts';
import type { EnterQuery } from '../../../src/launch/enter-query.ts';
import { sandboxNote } from '../../../src/launch/sandbox.ts';
import { aProcess, fakeFiles, type Entry } from '../containers/fake-files.ts';

const PID = 4913;
const ID = 'a1'.repeat(32);
const OUR_USER = 4026531837n;

interface Target {
  readonly cgroup?: string;
  readonly cmdline?: readonly string[];
  readonly files?: Readonly<Record<string, Entry>>;
  /** Namespaces of its own; the others are ours. */
  readonly own?: readonly string[];
  /** Of its namespaces; null: not shown. */
  readonly owner?: bigint | null;
}

function hostOf({ cgroup = '/', cmdline = ['sleep', '9'], files = {}, own = [], owner = OUR_USER }: Target): Host {
  const links: Record<string, Entry> = {};
  for (const { kind } of namespaceKinds) {
    const ours = kind === 'user' ? OUR_USER : 1000n;
    for (const name of [kind, `${kind}_for_children`]) links[`/proc/self/ns/${name}`] = { link: `${kind}:[${ours}]` };
    links[`/proc/${PID}/ns/${kind}`] = { link: `${kind}:[${own.includes(kind) ? 2000n : ours}]` };
  }
  const unsupported = (what: string): ReturnType<typeof gap> => gap({ reason: 'unsupported', what });
  const answers: Partial<Host> = {
    askNamespace: (door, questions) => {
      if (questions.at(-1) !== 'NS_GET_USERNS') return unsupported(JSON.stringify(questions));
      return owner === null ? gap({ reason: 'denied', what: JSON.stringify(door), errno: 'EPERM' }) : value(owner);
    },
  };
  const all = { ...aProcess(PID, { cgroup, cmdline }), ...links, ...files };
  return { ...fakeFiles(all), ...answers } as Host;
}

const query: EnterQuery = {
  pid: PID,
  kinds: ['net'],
  given: [],
  preserveCredentials: false,
  resolver: false,
  fork: true,
  command: [],
  trace: false,
};

function plan(target: Target, more: Partial<EnterQuery> = {}): EnterPlan {
  return planEnter(hostOf(target), { ...query, ...more }, { env: [] });
}

function operations(target: Target, more: Partial<EnterQuery>): readonly Operation['op'][] {
  return plan(target, more).program.steps.map(({ operation }) => operation.op);
}

describe('a terminal of its own', () => {
  const foreign = { pty: { when: 'foreign', screen: true } } as const;
  const inDocker = { cgroup: `/docker/${ID}`, own: ['net', 'mnt'] };

  test.each<[string, Target, Partial<EnterQuery>, boolean]>([
    ['a process of ours', {}, foreign, false],
    ['its own network namespace, of our user namespace', { own: ['net'] }, foreign, false],
    ['its own user namespace', { own: ['net', 'user'], owner: 2000n }, foreign, true],
    ['its own user namespace, of which another kind is entered', { own: ['user'] }, foreign, true],
    ['a network namespace that another user namespace owns', { own: ['net'], owner: 7n }, foreign, true],
    ['a network namespace whose owner is not shown', { own: ['net'], owner: null }, foreign, true],
    ['a container', inDocker, foreign, true],
    ['the container that we are in, too', { ...inDocker, own: ['net'] }, foreign, false],
    ['a process of ours, asked for', {}, { pty: { when: 'always', screen: false } }, true],
    ['a container, without a terminal or with --no-pty', inDocker, {}, false],
  ])('%s', (_title, target, more, has) => {
    const steps = operations({ ...target }, more);
    expect(steps.includes('relay')).toBe(has);
    expect(steps.includes('pty')).toBe(has);
  });

  test('is opened before anything is joined, and takes the place of the fork', () => {
    const target = { own: ['net', 'pid', 'user'], owner: 2000n };
    const steps = operations(target, { kinds: ['net', 'pid', 'user'], ...foreign });
    expect(steps.indexOf('pty')).toBeLessThan(steps.indexOf('setns'));
    expect(steps.indexOf('relay')).toBeGreaterThan(steps.lastIndexOf('setns'));
    expect(steps.indexOf('relay')).toBeLessThan(steps.indexOf('setuid'));
    expect(steps).not.toContain('fork');
  });

  test('our own is opened once more only when it is one', () => {
    const opened = (screen: boolean): readonly string[] =>
      plan({}, { pty: { when: 'always', screen } }).program.steps.map(({ label }) => label);
    expect(opened(true)).toContain('open /proc/self/fd/1');
    expect(opened(false)).not.toContain('open /proc/self/fd/1');
  });

  test('that it cannot be had has a way out', () => {
    const { steps } = plan({}, { pty: { when: 'always', screen: false } }).program;
    const { explanations = [] } = steps.find(({ label }) => label === 'open /dev/ptmx') ?? {};
    for (const { text } of explanations) expect(text).toContain('\n  try: the same command with --no-pty');
    expect(explanations.length).toBeGreaterThan(0);
  });
});

describe('a sandbox', () => {
  const docker = `/var/lib/docker/containers/${ID}`;

  test.each<[string, string, string]>([
    ['runsc', 'a kernel in user space (gVisor)', `docker exec -it web sh`],
    ['kata-runtime', 'a virtual machine (Kata)', `docker exec -it web sh`],
    ['runv', 'a virtual machine (runV)', `docker exec -it web sh`],
  ])('docker with the runtime %s', (runtime, kernel, command) => {
    const files = {
      [`${docker}/config.v2.json`]: `{"ID":"${ID}","Name":"/web","Config":{}}`,
      [`${docker}/hostconfig.json`]: `{"Runtime":"${runtime}"}`,
    };
    const [note] = plan({ cgroup: `/docker/${ID}`, files }).notes;
    expect(note).toBe(
      `container:web runs in ${kernel}: only the outside of it is entered, its processes are not there; the inside: ${command}`,
    );
  });

  test('a machine monitor of Kata', () => {
    const [note] = plan({ cmdline: ['/usr/bin/qemu-system-x86_64', '-name', `sandbox-${ID}`] }).notes;
    expect(note).toContain(`container:${ID.slice(0, 12)} runs in a virtual machine (Kata)`);
    expect(note).toContain(`the inside: crictl exec -it ${ID} sh`);
  });

  test('none', () => {
    expect(plan({}).notes).toEqual([]);
    expect(plan({ cgroup: `/docker/${ID}` }).notes).toEqual([]);
  });

  const kata: Identity = { ...nobody, sandbox: 'kata', role: 'payload', id: ID };

  test.each<[string, Partial<Identity>, string | undefined]>([
    ['podman', { engine: 'podman', name: 'web' }, 'podman exec -it web sh'],
    ['containerd', { engine: 'containerd' }, `ctr task exec -t --exec-id nstool ${ID} sh`],
    [
      'a pod',
      { engine: 'cri-o', name: 'app', pod: 'web', podNamespace: 'default' },
      'kubectl exec -it -n default web -c app -- sh',
    ],
    ['an engine that has no command', { engine: 'nomad' }, undefined],
    ['a name that a shell would take apart', { engine: 'docker', name: '$(reboot)', id: null }, undefined],
    ['a name that is an option', { engine: 'docker', name: '--privileged', id: null }, undefined],
    ['such a name with a good id', { engine: 'docker', name: 'a;b' }, `docker exec -it ${ID} sh`],
  ])('%s', (_title, more, command) => {
    expect(sandboxNote({ ...kata, ...more })?.split('; the inside: ')[1]).toBe(command);
  });
});
