// What a probe tells of a network that the test made: each answer has a known reason there.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/host/linux/probe.ts';
import type { ProbeAnswer, ProbeQuestion } from '../../src/kernel/probe.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { FAR, LISTENING, makeRoutedNetwork, NAMES, NARROW, ROUTER } from '../support/routed-network.ts';
import type { Started } from '../support/start-ready.ts';

/** For what answers: long enough on a busy machine. For what does not, the test waits as long. */
const PATIENCE = 10_000;
const SHORT = 300;

describe.skipIf(lacks('root', 'ip', 'unshare', 'nsenter', 'python'))('a probe', () => {
  let network: Started;

  beforeAll(async () => {
    network = await makeRoutedNetwork();
  });
  afterAll(() => network.end());

  const door = (name: string): string => `/proc/${network.pid}/root/run/netns/${name}`;

  function ask(question: ProbeQuestion, { timeout = PATIENCE, from = 'near' } = {}): ProbeAnswer {
    const [answer] = probe([{ namespace: door(from), timeout, ...question }]);
    if (answer?.ok !== true) throw new Error(JSON.stringify(answer));
    return answer.value;
  }

  /** As the kernel of the far end counts them. */
  function echoes(): number {
    const snmp = run(['nsenter', `--net=${door('far')}`, 'cat', '/proc/net/snmp']);
    const [heads, numbers] = snmp.stdout.split('\n').filter((line) => line.startsWith('Icmp: '));
    const at = heads?.split(' ').indexOf('InEchos') ?? -1;
    return Number(numbers?.split(' ')[at]);
  }

  describe.each(['inet', 'inet6'] as const)('%s', (family) => {
    const to = FAR[family];

    it('gets an echo of one packet, small or as large as the path', () => {
      const before = echoes();
      for (const size of [null, 100, NARROW]) {
        const answer = ask({ kind: 'echo', to, size });
        expect(answer).toMatchObject({ state: 'answered', from: to, errno: null, mtu: null });
        expect(answer.rtt).toBeGreaterThan(0);
      }
      if (family === 'inet') expect(echoes() - before).toBe(3);
    });

    it('hears of a router for which links it is too big, and of its own', () => {
      expect(ask({ kind: 'echo', to, size: NARROW + 1 })).toMatchObject({
        state: 'too big',
        from: ROUTER[family],
        errno: 'EMSGSIZE',
        mtu: NARROW,
      });
      // Also when the kernel has learnt it.
      expect(ask({ kind: 'echo', to, size: 1500 })).toMatchObject({ state: 'too big', from: ROUTER[family] });
      expect(ask({ kind: 'echo', to, size: 1501 })).toMatchObject({ state: 'too big', from: null, errno: 'EMSGSIZE' });
      const own = ask({ kind: 'echo', to, size: NARROW + 1 }, { from: 'far' });
      expect(own).toMatchObject({ state: 'answered' });
    });

    it('connects where somebody listens, and is refused where nobody does', () => {
      expect(ask({ kind: 'connect', to, port: LISTENING })).toMatchObject({ state: 'answered', from: to });
      expect(ask({ kind: 'connect', to, port: 9 })).toMatchObject({
        state: 'refused',
        from: to,
        errno: 'ECONNREFUSED',
      });
    });

    it.each(['good', 'late'] as const)('is told addresses by a name server, the %s one', (which) => {
      const question = { kind: 'dns', to, port: NAMES[which] } as const;
      expect(ask({ ...question, name: 'good.test', type: 'A' })).toMatchObject({
        state: 'answered',
        from: to,
        dns: { rcode: 'NOERROR', addresses: ['203.0.113.7'], cut: false },
      });
      expect(ask({ ...question, name: 'GOOD.test', type: 'AAAA' }).dns?.addresses).toEqual(['2001:db8::7']);
      expect(ask({ ...question, name: 'bad.test', type: 'A' }).dns).toEqual({
        rcode: 'NXDOMAIN',
        addresses: [],
        cut: false,
      });
    });

    it('takes no nonsense for an answer of a name server', () => {
      const question = { kind: 'dns', to, port: NAMES.bad, name: 'good.test', type: 'A' } as const;
      expect(ask(question, { timeout: SHORT })).toMatchObject({ state: 'timeout', dns: null, rtt: null });
    });

    it('is refused where there is no name server', () => {
      expect(ask({ kind: 'dns', to, port: 54, name: 'good.test', type: 'A' })).toMatchObject({
        state: 'refused',
        errno: 'ECONNREFUSED',
      });
    });
  });

  it('hears of a router that knows no way', () => {
    expect(ask({ kind: 'echo', to: '192.88.99.1', size: null })).toMatchObject({
      state: 'unreachable',
      from: ROUTER.inet,
      errno: 'EHOSTUNREACH',
    });
    expect(ask({ kind: 'connect', to: '192.88.99.1', port: 80 })).toMatchObject({
      state: 'unreachable',
      from: null,
      errno: 'EHOSTUNREACH',
    });
    const question = { kind: 'dns', to: '192.88.99.1', port: 53, name: 'good.test', type: 'A' } as const;
    expect(ask(question)).toMatchObject({ state: 'unreachable', errno: 'EHOSTUNREACH' });
  });

  it('says so where its own kernel has no way', () => {
    expect(ask({ kind: 'echo', to: '203.0.113.1', size: null })).toEqual({
      state: 'unreachable',
      from: null,
      rtt: null,
      errno: 'EINVAL',
      mtu: null,
      dns: null,
    });
    expect(ask({ kind: 'connect', to: '203.0.113.1', port: 80 })).toMatchObject({ state: 'unreachable' });
  });

  it('waits no longer than it may for who is not there', () => {
    const began = performance.now();
    const there = { namespace: door('near'), timeout: SHORT } as const;
    const many = Array.from({ length: 100 }, (_, at) => {
      return { ...there, kind: 'echo', to: `192.0.2.${at + 100}`, size: null } as const;
    });
    const answers = probe([...many, { ...there, timeout: PATIENCE, kind: 'echo', to: FAR.inet, size: null }]);
    expect(answers.slice(0, -1).every((answer) => answer.ok && answer.value.state === 'timeout')).toBe(true);
    expect(answers.at(-1)).toMatchObject({ ok: true, value: { state: 'answered' } });
    // The last ones were begun when the first ended.
    expect(performance.now() - began).toBeGreaterThanOrEqual(2 * SHORT);
  });

  it('is a gap where there is no such network', () => {
    const question = { kind: 'echo', to: FAR.inet, size: null, timeout: SHORT } as const;
    expect(probe([{ ...question, namespace: '/run/netns/no such' }])).toMatchObject([
      { ok: false, gap: { reason: 'gone', errno: 'ENOENT' } },
    ]);
    expect(probe([{ ...question, namespace: `/proc/${network.pid}/ns/uts` }])).toMatchObject([
      { ok: false, gap: { errno: 'EINVAL' } },
    ]);
  });

  it('does without a raw socket, where the network allows its groups echos', () => {
    const script = `
      import { probe } from './src/host/linux/probe.ts';
      const ask = (to, size) => probe([{ namespace: null, timeout: ${PATIENCE}, kind: 'echo', to, size }])[0];
      const all = [ask('${FAR.inet}', null), ask('${FAR.inet6}', null), ask('${FAR.inet}', 1500)];
      console.log(JSON.stringify(all.map((one) => one.value ?? one.gap)));`;
    const inside = ['nsenter', `--net=${door('near')}`];
    const plain = [...inside, 'setpriv', '--bounding-set=-net_raw'];
    const allow = (groups: string): unknown =>
      run([...inside, 'sh', '-c', `echo ${groups} > /proc/sys/net/ipv4/ping_group_range`]);
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
    const ask = (): unknown => JSON.parse(run([...plain, ...node], { cwd: process.cwd() }).stdout);
    allow('1 0');
    expect(ask()).toMatchObject([{ reason: 'denied' }, { reason: 'denied' }, { reason: 'denied' }]);
    allow('0 0');
    expect(ask()).toMatchObject([
      { state: 'answered', from: FAR.inet },
      { state: 'answered', from: FAR.inet6 },
      { state: 'too big', errno: 'EMSGSIZE' },
    ]);
  });

  it('leaves no socket open', () => {
    expect(run(['nsenter', `--net=${door('near')}`, 'ss', '-Hanw']).stdout).toBe('');
  });
});
