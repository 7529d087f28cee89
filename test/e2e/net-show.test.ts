// `net show` and `net graph` as a user gets them: words, status, what is said on standard error.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Started } from '../support/odd-process.ts';
import { commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeNetLabs } from '../support/net-labs.ts';

describe.skipIf(lacks('root', 'ip', 'unshare', 'python'))('net', { timeout: 60_000 }, () => {
  let started: Started;

  beforeAll(async () => {
    started = await makeNetLabs();
  }, 60_000);
  afterAll(() => started.end());

  function answer(...words: readonly string[]): string {
    const { status, stdout, stderr } = nstool(['net', ...words]);
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  }

  it('show: a line a namespace, with what its links lead to', () => {
    const [heading = '', first = '', ...rows] = answer('show').trimEnd().split('\n');
    expect(heading.trim().split(/\s+/)).toEqual([
      'NS',
      'NAME',
      'NPROCS',
      'PID',
      'LINKS',
      'ADDRESSES',
      'DEFAULT',
      'LEADS_TO',
    ]);
    expect(first).toMatch(/^[0-9]+ +host /);
    const router = rows.find((row) => row.includes(` ${started.pid} `)) ?? '';
    expect(router).toContain(' 192.0.2.1/24 ');
    expect(router).toContain('hidden(nsid ');
    expect(answer('show', '-n').split('\n')[0]).not.toContain('LEADS_TO');
  });

  it('show TARGET: a page; show LINK: a line', () => {
    const page = answer('show', String(started.pid));
    expect(page).toMatch(/^links +1: lo loopback .*$/m);
    expect(page).toMatch(/^ +[0-9]+: vx0 vxlan 42 from 192\.0\.2\.1 to 192\.0\.2\.9 port 4789 /m);
    expect(page).toMatch(/^ +[0-9]+: tun0 tun .* held by [0-9]+ python3$/m);
    expect(page).toMatch(/^listeners +tcp 192\.0\.2\.1:8080 by [0-9]+ python3$/m);
    expect(answer('show', 'to-held')).toMatch(/^to-held in \S+ <-> held0 in net:\[[0-9]+\]\n$/);
  });

  it.each([
    [3, ['show', 'link:nobody-has-this'], /^nstool: no link is called 'nobody-has-this'/],
    [3, ['show', 'netns:nobody-has-this'], /^nstool: no network namespace is called/],
    [2, ['show', 'uts:self'], /is a uts namespace, no network/],
    [2, ['show', 'a', 'b'], /^nstool: /],
    [2, ['graph', '--dot', '--json'], /^nstool: --dot and --json: only one form at a time/],
    [2, ['grph'], /unknown command 'net grph'/],
  ])('%i: %j', (status, words, says) => {
    const result = nstool(['net', ...words]);
    expect({ status: result.status, stdout: result.stdout }).toEqual({ status, stdout: '' });
    expect(result.stderr).toMatch(says);
  });

  it('graph: a tree with ports below their bridge, and the same for others to draw', () => {
    expect(answer('graph')).toMatch(/^[├└]─br0 bridge 192\.0\.2\.1\/24\n[│ ] [├└]─v[0-9]+ veth <-> eth0 in net:/m);
    expect(answer('graph', '--dot')).toMatch(/^graph network \{\n[^]*hidden namespace[^]*\n\}\n$/);
    expect(answer('graph', '--mermaid')).toMatch(/^flowchart LR\n {2}subgraph box0\["host /);
    const { edges } = JSON.parse(answer('graph', '--json')) as { edges: { type: string }[] };
    expect(new Set(edges.map(({ type }) => type))).toEqual(new Set(['peer', 'port', 'on']));
  });

  it('what could not be read is not said to be gone, and an address has its other end', () => {
    const script = `mount -t tmpfs run /run; ip netns add far; ip link add v0 type veth peer name eth0 netns far
      ip addr add 192.0.2.1 peer 192.0.2.2/32 dev v0; "$@"`;
    const as = (uid: number): string =>
      run(['unshare', '-n', '-m', '--propagation', 'private', 'sh', '-ec', script, 'sh', ...commandLine(words, uid)])
        .stdout;
    const words = ['net', 'show', 'self'];
    expect(as(0)).toMatch(/ v0 veth .* <-> eth0 in netns:far\n/);
    const page = as(PLAIN_UID);
    expect(page).toMatch(/ v0 veth .* <-> if[0-9]+ in netns:far, whose links could not be read\n/);
    expect(page).toContain('192.0.2.1 peer 192.0.2.2/32 on v0 global\n');
  });

  it('a plain user sees his own, and how much he does not see', () => {
    const { status, stdout, stderr } = nstool(['net', 'show', '-J'], { uid: PLAIN_UID });
    expect(status).toBe(0);
    const all = JSON.parse(stdout) as { complete: boolean; namespaces: { links: unknown[] | null }[] };
    expect(all.complete).toBe(false);
    expect(stderr).toMatch(/permission denied/);
    expect(all.namespaces.some(({ links }) => links !== null && links.length > 0)).toBe(true);
  });
});
