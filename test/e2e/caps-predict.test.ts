// `caps predict` and `caps can` as commands, next to what a process then really is: files found as it finds them.

import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReady, type Started } from '../support/odd-process.ts';
import { nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

const asUser = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];
const NET_RAW = 13;

interface Step {
  readonly file: string | null;
  readonly scripts: readonly string[];
  readonly errno: string | null;
  readonly after: { readonly permitted: string; readonly effective: string } | null;
}

function predict(pid: number, ...words: readonly string[]): { readonly status: number | null; readonly steps: Step[] } {
  const { status, stdout } = nstool(['caps', 'predict', '--json', String(pid), '--', ...words]);
  return { status, ...(JSON.parse(stdout) as { steps: Step[] }) };
}

function permitted(status: string): string {
  return `0x${/\nCapPrm:\t([0-9a-f]+)/.exec(status)?.[1] ?? ''}`;
}

describe.skipIf(lacks('root'))('caps can', () => {
  it('of process 1, whose namespaces are closed to a plain user: what is in our /proc is in our pid namespace', () => {
    const { stdout } = nstool(['caps', 'can', 'self', 'kill:1'], { uid: PLAIN_UID });
    expect(stdout).not.toMatch(/pid namespace is hidden/);
    expect(nstool(['caps', 'can', 'self', 'kill:1']).status).toBe(0);
  });
});

describe.skipIf(lacks('root', 'capsh', 'namespaces'))('caps predict', () => {
  let folder: string;
  let file: (name: string) => string;
  const started: Started[] = [];

  const start = async (...before: readonly string[]): Promise<number> => {
    const one = await startReady([...before, 'sh', '-c', 'echo ready; exec sleep 1000'], {
      PATH: `${folder}:/usr/bin:/bin`,
    });
    started.push(one);
    return one.pid;
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'predict-'));
    chmodSync(folder, 0o755);
    file = (name) => join(folder, name);
    copyFileSync('/bin/cat', file('status'));
    chmodSync(file('status'), 0o755);
    expect(run(['setcap', 'cap_net_raw=ep', file('status')]).status).toBe(0);
    writeFileSync(file('script'), `#! ${file('status')} /proc/self/status\n`);
    writeFileSync(file('outer'), `#!${file('script')}\n`);
    writeFileSync(file('plain'), 'echo no script\n');
    for (const name of ['script', 'outer', 'plain']) chmodSync(file(name), 0o4755);
    mkdirSync(file('other'));
    copyFileSync('/bin/cat', file('other/status'));
  });
  afterAll(async () => {
    for (const one of started) await one.end();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['a file', ['FOLDER/status', '/proc/self/status']],
    ['a name in its PATH', ['status', '/proc/self/status']],
    ['a script, whose own set-user-id bit is ignored', ['script']],
    ['a script of a script', ['outer']],
    ['a shell command', ['sh', '-c', 'exec status /proc/self/status']],
  ])('of %s', async (_, asked) => {
    const words = asked.map((word) => word.replace('FOLDER', folder));
    const pid = await start(...asUser);
    const { status, steps } = predict(pid, ...words);
    const real = run([...asUser, ...words], { env: { PATH: `${folder}:/usr/bin:/bin` } });
    expect(status).toBe(0);
    expect(steps.at(-1)?.file).toBe(file('status'));
    expect(steps.at(-1)?.after?.permitted).toBe(permitted(real.stdout));
    expect(BigInt(steps.at(-1)?.after?.effective ?? 0)).toBe(1n << BigInt(NET_RAW));
  });

  it('names the scripts on the way', async () => {
    expect(predict(await start(), 'outer').steps[0]?.scripts).toEqual([file('outer'), file('script')]);
  });

  it('foresees EPERM for root with a smaller bounding set', async () => {
    const before = ['setpriv', '--bounding-set=-net_raw'];
    const pid = await start(...before);
    const { status, stderr, stdout } = nstool(['caps', 'predict', String(pid), 'status']);
    expect(run([...before, file('status'), '/proc/self/status']).stderr).toMatch(/Operation not permitted/);
    expect(status).toBe(1);
    expect(stderr).toContain("execve of 'status' will fail: EPERM\n  why: the file demands net_raw");
    expect(stdout).toMatch(/^permitted +\S+ +- +the file demands net_raw/m);
  });

  it('looks into the root of the process', async () => {
    const mount = `mount --bind ${file('other')} ${folder}; echo ready; exec sleep 1000`;
    const one = await startReady(['unshare', '-m', 'sh', '-c', mount]);
    started.push(one);
    const { steps } = predict(one.pid, file('status'));
    // There it is a plain file: root keeps all, and gains nothing by the file.
    const inside = run(['nsenter', '-t', String(one.pid), '-m', file('status'), '/proc/self/status']);
    expect(steps[0]?.after?.permitted).toBe(permitted(inside.stdout));
    expect(predict(one.pid, file('script')).steps[0]?.errno).toBe('ENOENT');
  });

  it.each([
    ['what is no program', 'plain', 'ENOEXEC'],
    ['what is not there', './nosuch', 'ENOENT'],
    ['what nobody finds', 'nosuch', 'ENOENT'],
    ['a folder', '/tmp', 'EACCES'],
    ['what may not be executed', '/etc/passwd', 'EACCES'],
  ])('says no to %s', async (_, word, errno) => {
    const { status, steps } = predict(await start(), word);
    expect(status).toBe(1);
    expect(steps[0]?.errno).toBe(errno);
  });

  it('says no to a program whose loader is not in its root', async () => {
    const loader = /\/lib[^\0]*\/ld-[^\0]*/;
    const bytes = readFileSync('/bin/true', 'latin1');
    expect(bytes).toMatch(loader);
    writeFileSync(
      file('foreign'),
      bytes.replace(loader, (name) => name.replace('/ld-', '/xx-')),
      'latin1',
    );
    chmodSync(file('foreign'), 0o755);
    const { status, steps } = predict(await start(), file('foreign'));
    expect(run(['env', file('foreign')]).stderr).toMatch(/No such file or directory/);
    expect({ status, errno: steps[0]?.errno }).toEqual({ status: 1, errno: 'ENOENT' });
  });

  it('says no to what lies in a folder that is closed to it', async () => {
    mkdirSync(file('closed'), { mode: 0o700 });
    copyFileSync('/bin/true', file('closed/true'));
    const { status, steps } = predict(await start(...asUser), file('closed/true'));
    // Until its own execve setpriv keeps what is permitted: another program in between gives that up.
    expect(run([...asUser, 'env', file('closed/true')]).stderr).toMatch(/Permission denied/);
    expect({ status, errno: steps[0]?.errno }).toEqual({ status: 1, errno: 'EACCES' });
    expect(predict(await start(), file('closed/true')).status).toBe(0);
  });

  it('with sets in place of a process', () => {
    const words = ['--sets', '= [^cap_net_raw]', '--uid', '1000', '--no-new-privs', '--', '/bin/cat'];
    const { status, stdout } = nstool(['caps', 'predict', ...words]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ambient +net_raw +net_raw +net_raw kept/m);
  });

  it.each([
    [['self']],
    [['--sets', 'nonsense=x', '--', 'true']],
    [['--sets', 'cap_kill=e', '--', 'true']],
    [['--uid', 'x', 'self', 'true']],
    [['--secbits', '0x1000', 'self', 'true']],
    [['host', 'true']],
    [['net:self', 'true']],
  ])('refuses %j', (words) => {
    const { status, stdout } = nstool(['caps', 'predict', ...words]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('by a plain user, of a process of its own and of another', async () => {
    const own = await startReady([
      'setpriv',
      `--reuid=${PLAIN_UID}`,
      `--regid=${PLAIN_UID}`,
      '--clear-groups',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
    started.push(own);
    expect(nstool(['caps', 'predict', String(own.pid), '--', '/bin/true'], { uid: PLAIN_UID }).status).toBe(0);
    expect(nstool(['caps', 'predict', String(await start()), '--', '/bin/true'], { uid: PLAIN_UID }).status).toBe(4);
  });
});

describe('caps can', () => {
  it.skipIf(lacks('root'))('says yes and no by its status', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'can-'));
    const path = join(folder, 'file');
    writeFileSync(path, '');
    chownSync(path, PLAIN_UID, PLAIN_UID);
    const own = await startReady([
      'setpriv',
      `--reuid=${PLAIN_UID}`,
      `--regid=${PLAIN_UID}`,
      '--clear-groups',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
    const ask = (...words: readonly string[]): number | null =>
      nstool(['caps', 'can', ...words], { uid: PLAIN_UID }).status;
    const pid = String(own.pid);
    expect(ask(pid, 'bind:8080')).toBe(0);
    expect(ask(pid, 'bind:80')).toBe(1);
    expect(ask(pid, 'kill:self')).toBe(0);
    expect(ask(pid, 'cap_net_admin', '--in', 'net:self')).toBe(1);
    expect(ask(pid, `setuid:${PLAIN_UID}`)).toBe(0);
    expect(ask(pid, 'fly')).toBe(2);
    expect(ask(pid, 'bind:80', '--in', 'self')).toBe(2);
    expect(ask(pid, 'kill:4194303')).toBe(3);
    expect(ask(pid, 'setns:4026500000')).toBe(3);
    // Its user namespace is closed to a plain user.
    expect(nstool(['caps', 'can', String(process.pid), 'mount'], { uid: PLAIN_UID }).status).toBe(4);
    await own.end();
    rmSync(folder, { recursive: true });
  });
});
