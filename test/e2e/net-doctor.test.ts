// The doctor as it is typed: text, status, JSON, what it sends, and that nothing of its tracing is left.

import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DoctorLab, OUTSIDE, PORT } from '../support/doctor-lab.ts';
import { asUser, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';

const needs = ['root', 'ip', 'nft', 'unshare', 'nsenter', 'python'] as const;
/** tracefs, mounted for that look alone. */
const INSTANCES = 'mount -t tracefs none /mnt && ls /mnt/instances | grep nstool-drops || true';

describe.skipIf(lacks(...needs))('net doctor', { timeout: 60_000 }, () => {
  let lab: DoctorLab;

  beforeAll(async () => {
    lab = await DoctorLab.start();
  }, 60_000);
  afterAll(() => lab.end());

  const doctor = (...words: readonly string[]): RunResult => lab.nstool(['net', 'doctor', ...words]);

  it('says that it found nothing, and what it did not look at', () => {
    const { status, stdout } = doctor('c1', '--to', `c2:${PORT.open}`, '-v');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^no fault found\non the way: tcp to 10\.97\.0\.3 port 8080\n {2}netns:c1, out by eth0/);
    expect(stdout).toContain('on the way back: tcp to 10.97.0.2');
    expect(stdout).toMatch(
      /\nnot looked at: what the program at the port does\nnot looked at: IPsec.*\nnot looked at: .*\n$/,
    );
  });

  it('has no words on links that are closed to it', () => {
    const words = lab.commandLine(['net', 'doctor', 'self', '--to', 'c2']);
    const nstool = words.indexOf(process.execPath);
    const { status, stdout, stderr } = run([...words.slice(0, nstool), ...asUser(words.slice(nstool), 65_534)]);
    expect(stdout).toBe('');
    expect(stderr).toContain('nstool: the links of netns:c2 could not be read');
    expect(status).toBe(4);
  });

  it('names a fault, and a command that mends it', () => {
    lab.sh('ip -n c1 route del default');
    const { status, stdout } = doctor('c1', '--to', OUTSIDE);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^1 finding\nD7 +netns:c1 has no route to 203\.0\.113\.1\n/);
    const command = /^ +fix: (.*) \(.*\)$/m.exec(stdout)?.[1] ?? '';
    expect(command).toBe('nstool net exec netns:c1 ip route add default via 10.97.0.1 dev eth0');
    expect(lab.nstool(command.split(' ').slice(1)).status).toBe(0);
    expect(doctor('c1', '--to', OUTSIDE).status).toBe(0);
  });

  it.each([
    [],
    ['--to', 'c2'],
    ['--to', OUTSIDE, '--probe'],
    ['--to', 'c2:9999', '--drops'],
    ['--to', 'www.example.org'],
  ])('as JSON: %j', (...words) => {
    const { stdout } = doctor('c1', ...words, '--json');
    expect({ words, faults: faults('net doctor', JSON.parse(stdout)) }).toEqual({ words, faults: [] });
  });

  it('sends one ping and one connection, and says what came back', () => {
    const open = doctor('c1', '--to', `${OUTSIDE}:${PORT.outside}`, '--probe');
    expect(open.status).toBe(0);
    expect(open.stdout).toMatch(
      /\nprobe: ping 203\.0\.113\.1: answered.*\nprobe: connection to 203\.0\.113\.1 port 80: answered/,
    );
    const closed = doctor('c1', '--to', `c2:9999`, '--probe');
    expect(closed.status).toBe(1);
    expect(closed.stdout).toMatch(/\nprobe: connection to 10\.97\.0\.3 port 9999: refused/);
  });

  it('counts what the kernel drops meanwhile, and leaves nothing of it, killed too', async () => {
    lab.sh(`nft 'table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; }; }'`);
    const { stdout, status, stderr } = doctor('c1', '--to', `${OUTSIDE}:${PORT.outside}`, '--probe', '--drops');
    lab.sh('nft delete table ip filter');
    if (status === 5) return expect(stderr).toContain('skb:kfree_skb');
    expect(status).toBe(1);
    expect(stdout).toMatch(/\ndropped on the whole host meanwhile: \d+ NETFILTER_DROP/);
    const [file = '', ...words] = lab.commandLine(['net', 'doctor', 'c1', '--drops=60']);
    const child = spawn(file, words, { stdio: 'ignore', detached: true });
    const ended = new Promise((done) => child.once('close', done));
    const left = (): string => run(['unshare', '-m', 'sh', '-c', INSTANCES]).stdout;
    const mine = new Set<string>();
    await until(() => {
      for (const name of left().split('\n')) if (name !== '') mine.add(name);
      return mine.size > 0;
    });
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    await until(() =>
      left()
        .split('\n')
        .every((name) => !mine.has(name)),
    );
  });

  it.each([
    [['c1', '--to', 'c2:0'], 2],
    [['c1', '--to', 'nobody-is-called-so'], 3],
    [['nobody-is-called-so'], 3],
    [['c1', '--drops=x'], 2],
    [['--from', '/nothing', 'c1', '--probe'], 2],
  ] as const)('refuses %j with status %i', (words, status) => {
    const refused = doctor(...words);
    expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status, stdout: '' });
    expect(refused.stderr).not.toBe('');
  });

  async function until(is: () => boolean): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (is()) return;
      await new Promise((next) => setTimeout(next, 25));
    }
    throw new Error('waited in vain');
  }
});
