// `caps file`, beside setcap(8), getcap(8) and filecap(8), and beside what execve(2) does.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asUser, commandLine, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

let folder = '';
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nstool-caps-file-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(...words: readonly string[]): RunResult {
  return nstool(['caps', 'file', ...words]);
}

/** What must go well. */
function oracle(...command: readonly string[]): string {
  const { status, stdout, stderr } = run(command);
  expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: '' });
  return stdout;
}

/** In hex; an empty text: none. */
function bytesOf(...paths: readonly string[]): readonly string[] {
  const script = [
    'import os, sys',
    'for path in sys.argv[1:]:',
    '  names = os.listxattr(path)',
    '  print(os.getxattr(path, "security.capability").hex() if "security.capability" in names else "")',
  ].join('\n');
  return oracle('python3', '-c', script, ...paths)
    .split('\n')
    .slice(0, -1);
}

function touch(...names: readonly string[]): readonly string[] {
  for (const name of names) writeFileSync(at(name), '', { mode: 0o755 });
  return names.map(at);
}

/** xorshift, so that a failure can be repeated. */
function random(): () => bigint {
  let state = 0x9e3779b97f4a7c15n;
  return () => {
    state ^= BigInt.asUintN(64, state << 13n);
    state ^= state >> 7n;
    state ^= BigInt.asUintN(64, state << 17n);
    return state;
  };
}

const missing = lacks('root', 'setcap', 'python');

const texts = [
  'cap_net_raw+ep',
  'cap_net_raw=p',
  'cap_net_raw+eip',
  'cap_net_raw,cap_net_admin=i',
  'cap_net_raw=p cap_net_admin=i',
  '=ep',
  'all=ep',
  '=',
  '',
  '=ep cap_sys_admin-ep',
  'cap_net_raw+e',
  '41=ep',
  'cap_bpf=ep',
];

describe.skipIf(missing)('set and get', () => {
  it.each(texts)('write what setcap writes, and read what getcap reads: %j', (text) => {
    const [ours = '', theirs = ''] = touch('ours', 'theirs');
    oracle('setcap', text, theirs);
    expect(file('set', '--force', text, ours).status).toBe(0);
    const [written, expected] = bytesOf(ours, theirs);
    expect(written).toBe(expected);
    expect(written).not.toBe('');
    expect(file('get', theirs)).toMatchObject({ status: 0, stdout: oracle('getcap', theirs), stderr: '' });
    expect(file('get', ours).stdout).toBe(oracle('getcap', ours));
  });

  it('the same for a rootid', () => {
    const [ours = '', theirs = '', zero = ''] = touch('ours', 'theirs', 'zero');
    oracle('setcap', '-n', '100000', 'cap_net_raw=ep', theirs);
    expect(file('set', '-n', '100000', 'cap_net_raw=ep', ours).status).toBe(0);
    expect(file('set', '-n', '0', 'cap_net_raw=ep', zero).status).toBe(0);
    expect(bytesOf(ours, zero)).toEqual([bytesOf(theirs)[0], '0100000200200000000000000000000000000000']);
    for (const words of [[], ['-n'], ['-v'], ['-nv']])
      expect(file('get', ...words, theirs, zero).stdout).toBe(oracle('getcap', ...words, theirs, zero));
  });

  it('the same for 60 random sets', () => {
    const next = random();
    const some = (): string =>
      Array.from({ length: 41 }, (_, bit) => bit)
        .filter(() => next() % 4n === 0n)
        .join(',') || '0';
    const made = Array.from({ length: 60 }, (_, index) => {
      const e = index % 2 === 0 ? 'e' : '';
      const [name = ''] = touch(`a${index}`);
      const [other = ''] = touch(`b${index}`);
      return { text: `${some()}=${e}p ${some()}+${e}i`, name, other };
    });
    // Of those in both sets the flags add up.
    oracle('setcap', ...made.flatMap(({ text, other }) => [text, other]));
    const set = file('set', '--force', ...made.flatMap(({ text, name }) => [text, name]));
    expect(set.status).toBe(0);
    expect(bytesOf(...made.map(({ name }) => name))).toEqual(bytesOf(...made.map(({ other }) => other)));
    const names = made.map(({ name }) => name);
    expect(file('get', ...names).stdout).toBe(oracle('getcap', ...names));
    for (const { text, name } of made.slice(0, 3)) expect(file('verify', text, name).status).toBe(0);
  });

  it('refuse a text that setcap refuses, and change nothing', () => {
    const [one = '', two = ''] = touch('one', 'two');
    for (const text of ['cap_net_raw', 'net_raw=ep', 'cap_net_raw+', 'cap_foo=ep', '+ep', 'cap_chown=ep cap_kill=p']) {
      expect(run(['setcap', text, two]).status, text).not.toBe(0);
      const refused = file('set', 'cap_kill=p', one, text, two);
      expect({ text, status: refused.status, stdout: refused.stdout }).toEqual({ text, status: 2, stdout: '' });
      expect(refused.stderr).toMatch(/^nstool: .*\n  why: .*\n  try: .*\n$/);
    }
    expect(bytesOf(one, two)).toEqual(['', '']);
  });

  it('of what is no regular file, or not there: nothing is changed', () => {
    const [one = ''] = touch('one');
    mkdirSync(at('folder'));
    symlinkSync('one', at('link'));
    const after = (path: string): { status: number | null; stderr: string } => {
      const { status, stderr } = file('set', 'cap_kill=p', one, 'cap_kill=p', path);
      return { status, stderr };
    };
    for (const name of ['folder', 'link']) {
      expect(after(at(name))).toMatchObject({ status: 2, stderr: expect.stringContaining('no regular file') });
      expect(file('get', '-v', at(name)).stdout).toBe(oracle('getcap', '-v', at(name)));
      expect(file('rm', at(name)).status).toBe(2);
    }
    expect(after(at('nothing')).status).toBe(3);
    expect(bytesOf(one)).toEqual(['']);
    expect(file('get', one, at('nothing')).status).toBe(3);
    expect(file('set', 'cap_kill=p', '/proc/self/status')).toMatchObject({
      status: 5,
      stderr: expect.stringContaining('EOPNOTSUPP'),
    });
  });

  it('from standard input, a text up to each blank line', () => {
    const [one = '', two = ''] = touch('one', 'two');
    const set = nstool(['caps', 'file', 'set', '-', one, '-', two], {
      input: 'cap_kill=p\ncap_chown+i\n\ncap_bpf=ep\n',
    });
    expect(set.status).toBe(0);
    expect(file('get', one, two).stdout).toBe(`${one} cap_chown=i cap_kill+p\n${two} cap_bpf=ep\n`);
    expect(nstool(['caps', 'file', 'set', '-', one, '-', two], { input: '=p\n' }).status).toBe(2);
  });

  it('tell how to bring back what was there', () => {
    const [one = ''] = touch("o'ne");
    const commandOf = ({ stderr }: RunResult): string => /back: (.*)$/m.exec(stderr)?.[1] ?? '';
    const back = (said: RunResult): void => {
      const line = commandOf(said).replace(/^nstool/, commandLine([]).join(' '));
      expect(run(['sh', '-c', line]).status).toBe(0);
    };
    const before = file('set', '-n', '100000', 'cap_kill=i cap_chown=p', one);
    const [owned] = bytesOf(one);
    const removed = file('rm', one);
    expect(bytesOf(one)).toEqual(['']);
    back(removed);
    expect(bytesOf(one)).toEqual([owned]);
    back(before);
    expect(bytesOf(one)).toEqual(['']);
    expect(file('rm', one).status).toBe(1);
  });
});

describe.skipIf(missing)('verify', () => {
  it('says what setcap -v says', () => {
    const [one = '', none = ''] = touch('one', 'none');
    oracle('setcap', 'cap_net_raw=ep', one);
    for (const [words, path] of [
      [['cap_net_raw=ep'], one],
      [['cap_net_raw=p'], one],
      [['cap_net_raw=eip'], one],
      [['cap_kill=ep'], one],
      [['-n', '5', 'cap_net_raw=ep'], one],
      [['cap_net_raw=ep'], none],
    ] as const) {
      const { status } = run(['setcap', '-v', ...words, path]);
      expect({ words, status: file('verify', ...words, path).status }).toEqual({ words, status });
    }
    expect(file('verify', 'cap_net_raw=p', one).stdout).toBe(
      `${one} differs in effective: has cap_net_raw=ep, not cap_net_raw=p\n`,
    );
    expect(file('verify', '=', none).stdout).toBe(`${none} differs in presence: has none, not =\n`);
  });
});

describe.skipIf(missing || lacks('capsh'))('a program', () => {
  const plain = (command: readonly string[]): RunResult => run(asUser(command, PLAIN_UID));

  it('chown of the tutorial: with cap_chown for a plain user, and no more when it is gone', () => {
    copyFileSync('/bin/chown', at('chown'));
    const [target = ''] = touch('target');
    const change = [at('chown'), String(PLAIN_UID), target];
    expect(plain(change).status).not.toBe(0);
    expect(file('set', 'cap_chown=ep', at('chown')).status).toBe(0);
    expect(plain(change)).toMatchObject({ status: 0, stderr: '' });
    expect(file('rm', at('chown')).status).toBe(0);
    expect(plain([at('chown'), '0', target]).status).not.toBe(0);
  });

  it('that nobody could run is refused; forced, nobody can', () => {
    copyFileSync('/bin/true', at('true'));
    const without = (...command: readonly string[]): RunResult =>
      run(['capsh', '--drop=cap_net_raw', '--', '-c', '"$@"', 'sh', ...command]);
    const refused = without(...commandLine(['caps', 'file', 'set', 'cap_net_raw=ep', at('true')]));
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('net_raw is not in our bounding set') });
    expect(bytesOf(at('true'))).toEqual(['']);
    // Without the effective bit it runs, and for another process it would.
    expect(without(...commandLine(['caps', 'file', 'set', 'cap_net_raw=p', at('true')])).status).toBe(0);
    expect(without(at('true')).status).toBe(0);
    const of = ['caps', 'file', 'set', '--for', String(process.pid), 'cap_net_raw=ep', at('true')];
    expect(without(...commandLine(of)).status).toBe(0);
    expect(without(at('true')).stderr).toContain('Operation not permitted');
    expect(without(...commandLine(['caps', 'file', 'set', '--force', 'cap_net_raw=ei', at('true')])).status).toBe(0);
    expect(without(at('true')).status).toBe(0);
  });

  it('with an attribute that is none of capabilities does not start, and that is said', () => {
    copyFileSync('/bin/true', at('true'));
    oracle('python3', '-c', 'import os, sys; os.setxattr(sys.argv[1], "security.capability", b"")', at('true'));
    expect(run(['sh', '-c', at('true')]).status).toBe(126);
    const { status, stdout, stderr } = file('get', at('true'));
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toContain('then execve fails');
    expect(file('rm', at('true'))).toMatchObject({ status: 0, stderr: expect.stringContaining('EINVAL') });
    expect(run([at('true')]).status).toBe(0);
  });

  it('on a nosuid mount gets nothing, and that is told', () => {
    const script = `mount -t tmpfs -o nosuid none "$1" && cp /bin/true "$1/true" && setcap cap_net_raw=ep "$1/true" && shift && exec "$@"`;
    const command = commandLine(['caps', 'file', 'get', '-rJ', folder]);
    const { stdout } = run(['unshare', '-m', 'sh', '-c', script, 'sh', folder, ...command]);
    const answer = JSON.parse(stdout) as { files: readonly unknown[] };
    expect(answer.files).toEqual([
      expect.objectContaining({ path: at('true'), nosuid: true, counts: false, why: 'the mount is nosuid' }),
    ]);
  });
});

describe.skipIf(missing || lacks('unshare'))('a program in the mount namespace of another', () => {
  it('gives nothing to who executes it from here, and that is told', async () => {
    const script =
      'mount -t tmpfs none "$1" && cp /bin/cat "$1" && setcap cap_net_raw=ep "$1/cat" && echo && exec setpriv --reuid=65534 --regid=65534 --clear-groups sleep 60';
    const target = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      if (target.stdout !== null) await once(target.stdout, 'data');
      // The shell has become the sleep by the time that a second look sees it.
      const cat = `/proc/${target.pid}/root${folder}/cat`;
      await expect.poll(() => oracle('cat', `/proc/${target.pid}/comm`)).toBe('sleep\n');
      const { files } = JSON.parse(file('get', '-J', cat).stdout) as { files: readonly unknown[] };
      expect(files).toEqual([expect.objectContaining({ nosuid: null, counts: false })]);
      const permitted = run(asUser([cat, '/proc/self/status'], PLAIN_UID)).stdout;
      expect(permitted).toContain('CapPrm:\t0000000000000000');
    } finally {
      target.kill();
      await once(target, 'exit');
    }
  });
});

describe.skipIf(missing)('refusals', () => {
  it('of a plain user, and of a read-only mount', () => {
    const [one = ''] = touch('one');
    for (const words of [
      ['set', 'cap_kill=p', one],
      ['rm', one],
    ] as const) {
      const refused = nstool(['caps', 'file', ...words], { uid: PLAIN_UID });
      expect(refused).toMatchObject({ status: 4, stderr: expect.stringContaining('it takes cap_setfcap') });
    }
    expect(nstool(['caps', 'file', 'get', one], { uid: PLAIN_UID })).toMatchObject({ status: 0, stdout: '' });
    const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';
    const command = commandLine(['caps', 'file', 'set', 'cap_kill=p', one]);
    const { status, stderr } = run(['unshare', '-m', 'sh', '-c', script, 'sh', folder, ...command]);
    expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining('EROFS') });
  });

  it('of bad words', () => {
    const [one = ''] = touch('one');
    for (const words of [
      ['set', '=p', one, '=p'],
      ['set', '-n', 'x', '=p', one],
      ['set', '-n', '4294967295', '=p', one],
      ['set', '--for', 'host', '=ep', one],
      ['get', '-l', '-J', one],
      ['set', '--from', 'x', '=p', one],
    ])
      expect({ words, status: file(...words).status }).toEqual({ words, status: 2 });
    expect(bytesOf(one)).toEqual(['']);
  });
});

describe.skipIf(missing)('get -r', () => {
  const NOT_UTF8 = Buffer.from([0x66, 0xff, 0x0a, 0x66]);

  /** The lines or words, of which the order means nothing. */
  function parts(command: readonly string[], separator: string, uid?: number): readonly string[] {
    const [program = '', ...args] = asUser(command, uid);
    const { stdout } = spawnSync(program, args, { encoding: 'latin1' });
    return stdout.split(separator).filter(Boolean).toSorted();
  }

  function makeTree(): void {
    mkdirSync(at('deep/er/est'), { recursive: true });
    mkdirSync(at('closed'), { mode: 0o700 });
    const names = ['plain', 'deep/a', 'deep/er/b c', 'deep/er/est/cap_kill=ep', 'deep/-x', 'closed/in', 'deep/grün'];
    touch(...names, 'without', 'deep/without');
    symlinkSync('deep', at('link'));
    symlinkSync('a', at('deep/link'));
    oracle('mkfifo', at('fifo'));
    const given = ['cap_net_raw=ep', 'cap_chown=i', '=', 'cap_bpf=ei', '=p', 'cap_kill=ep', 'cap_setuid=eip'];
    oracle('setcap', ...names.flatMap((name, index) => [given[index] ?? '', at(name)]));
    writeFileSync(Buffer.concat([Buffer.from(at('deep/')), NOT_UTF8]), '');
    const script =
      'import os, sys; os.setxattr(os.fsencode(sys.argv[1]) + b"/deep/f\\xff\\nf", "security.capability", bytes.fromhex(sys.argv[2]))';
    oracle('python3', '-c', script, folder, '0100000200200000000000000000000000000000');
    oracle('setcap', '-n', '100000', 'cap_net_raw=ep', touch('deep/er/owned')[0] ?? '');
  }

  it('finds what getcap -r finds, byte for byte', () => {
    makeTree();
    for (const words of [['-r'], ['-r', '-n']]) {
      const theirs = parts(['getcap', ...words, folder], '\n');
      expect(parts(commandLine(['caps', 'file', 'get', ...words, folder]), '\n')).toEqual(theirs);
      // One has a newline in its name.
      expect(theirs).toHaveLength(10);
    }
    expect(parts(commandLine(['caps', 'file', 'get', '-r', `${folder}//`]), '\n')).toEqual(
      parts(['getcap', '-r', folder], '\n'),
    );
    expect(file('get', '-r', at('link'))).toMatchObject({ status: 0, stdout: '' });
  });

  it.skipIf(lacks('filecap'))('finds what filecap finds, and what it hides', () => {
    makeTree();
    const theirs = parts(['filecap', folder], '\n').flatMap(
      (line) => /^(?:effective|permitted)\s+(\S+)\s/.exec(line)?.[1] ?? [],
    );
    const ours = parts(commandLine(['caps', 'file', 'get', '-rn', folder]), '\n').join('\n');
    expect(theirs.length).toBeGreaterThan(2);
    for (const path of theirs) expect(ours).toContain(`${path} `);
    for (const name of ['deep/a', 'deep/er/b c']) {
      expect(theirs).not.toContain(at(name));
      expect(ours).toContain(`${at(name)} `);
    }
  });

  it('keeps names apart by zero bytes, and takes them back', () => {
    makeTree();
    const words = parts(commandLine(['caps', 'file', 'get', '-r0', folder]), '\0');
    expect(words).toHaveLength(2 * 9);
    const odd = Buffer.concat([Buffer.from(at('deep/')), NOT_UTF8]);
    expect(words).toContain(odd.toString('latin1'));
    // A shell passes it on as it is: Node's own spawn takes UTF-8 only.
    const script = `cd "$1"/deep && shift && exec "$@" "$(printf 'f\\377\\nf')"`;
    const removed = run(['sh', '-c', script, 'sh', folder, ...commandLine(['caps', 'file', 'rm'])]);
    expect(removed.status).toBe(0);
    expect(removed.stderr).toContain(String.raw`'f\377\012f'`);
    expect(parts(commandLine(['caps', 'file', 'get', '-r0', folder]), '\0')).toHaveLength(2 * 8);
  });

  it('names of others do not act on a terminal, and are exact in JSON', () => {
    makeTree();
    const { stdout } = file('get', '-rJ', folder);
    const { files, asked } = JSON.parse(stdout) as { files: readonly { path: string }[]; asked: number };
    expect(asked).toBe(11);
    expect(files.map(({ path }) => path)).toContain(`${folder}/deep/f\udcff\nf`);
  });

  it('as a plain user: what is closed is a gap', () => {
    makeTree();
    const answer = nstool(['caps', 'file', 'get', '-rJ', folder], { uid: PLAIN_UID });
    expect(answer.status).toBe(0);
    expect(JSON.parse(answer.stdout)).toMatchObject({
      complete: false,
      gaps: [{ subject: 'directory', reason: 'denied', errno: 'EACCES', count: 1, examples: [at('closed')] }],
    });
    const plain = parts(commandLine(['caps', 'file', 'get', '-r', folder], PLAIN_UID), '\n');
    expect(plain).toEqual(parts(['getcap', '-r', folder], '\n', PLAIN_UID));
  });

  it('also from a directory that is closed to who asks', () => {
    makeTree();
    const closed = at('closed');
    const command = commandLine(['caps', 'file', 'get', '-rn', folder], PLAIN_UID);
    const [program = '', ...args] = command;
    const { stdout } = spawnSync(program, args, { cwd: closed, encoding: 'latin1' });
    expect(stdout.split('\n').filter(Boolean).toSorted()).toEqual(parts(['getcap', '-rn', folder], '\n', PLAIN_UID));
  });

  it('does not enter file systems of the kernel, other mounts it does', () => {
    mkdirSync(at('proc'));
    mkdirSync(at('other'));
    const script =
      'mount -t proc none "$1/proc" && mount -t tmpfs none "$1/other" && touch "$1/other/x" && setcap =p "$1/other/x" && shift && exec "$@"';
    const command = commandLine(['caps', 'file', 'get', '-rJ', folder]);
    const { stdout, stderr } = run(['unshare', '-m', 'sh', '-c', script, 'sh', folder, ...command]);
    expect(JSON.parse(stdout)).toMatchObject({
      asked: 1,
      files: [{ path: at('other/x') }],
      skipped: [{ path: at('proc'), file_system: 'proc' }],
    });
    expect(stderr).toContain(`${at('proc')}: not entered`);
  });
});

/** inside, outside, count */
const maps = [
  { name: 'whose root is uid 100000', map: '0 100000 1000' },
  { name: 'in which uid 100000 is no root', map: '7 100000 1000' },
  { name: 'in which our root is another', map: '5 0 1\n0 50000 1' },
  { name: 'without uid 100000', map: '0 200000 1000' },
];

describe.skipIf(missing || lacks('nsenter', 'unshare')).each(maps)('in a user namespace $name', ({ map }) => {
  let target: ChildProcess;
  let shared = '';
  beforeAll(async () => {
    shared = mkdtempSync(join(tmpdir(), 'nstool-caps-userns-'));
    chmodSync(shared, 0o755);
    for (const name of ['two', 'three', 'other', 'none']) writeFileSync(join(shared, name), '');
    oracle('setcap', 'cap_net_raw=ep', join(shared, 'two'));
    oracle('setcap', '-n', '100000', 'cap_kill=ep', join(shared, 'three'));
    oracle('setcap', '-n', '200005', 'cap_chown=i', join(shared, 'other'));
    target = spawn('unshare', ['-U', 'sh', '-c', 'echo; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    if (target.stdout !== null) await once(target.stdout, 'data');
    writeFileSync(`/proc/${target.pid}/uid_map`, map);
  });
  afterAll(async () => {
    target.kill();
    await once(target, 'exit');
    rmSync(shared, { recursive: true, force: true });
  });

  it('we read what getcap reads there, from inside and from outside', () => {
    const inside = (command: readonly string[]): string =>
      run(['nsenter', '--preserve-credentials', '-U', '-t', String(target.pid), ...command]).stdout;
    const paths = ['two', 'three', 'other', 'none'].map((name) => join(shared, name));
    const theirs = inside(['getcap', '-n', ...paths]);
    expect(inside(commandLine(['caps', 'file', 'get', '-n', ...paths]))).toBe(theirs);
    expect(file('get', '-n', '--in', String(target.pid), ...paths).stdout).toBe(theirs);
    expect(file('get', '-rn', '--in', String(target.pid), shared).stdout.split('\n').toSorted()).toEqual(
      theirs.split('\n').toSorted(),
    );
    expect(theirs).toContain(join(shared, 'two'));
  });
});

describe.skipIf(missing || lacks('nsenter', 'unshare'))('root of a user namespace', () => {
  it('gives capabilities that count only there', async () => {
    const [one = ''] = touch('one');
    chownSync(one, 100_000, 100_000);
    const target = spawn('unshare', ['-U', 'sh', '-c', 'echo; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      if (target.stdout !== null) await once(target.stdout, 'data');
      for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${target.pid}/${map}`, '0 100000 1000');
      const inside = (...words: readonly string[]): RunResult =>
        run([
          'nsenter',
          '-U',
          '-S',
          '0',
          '-G',
          '0',
          '-t',
          String(target.pid),
          ...commandLine(['caps', 'file', ...words]),
        ]);
      expect(inside('set', 'cap_net_raw=ep', one)).toMatchObject({ status: 0 });
      expect(bytesOf(one)).toEqual(['0100000300200000000000000000000000000000a0860100']);
      expect(inside('verify', 'cap_net_raw=ep', one)).toMatchObject({ status: 0, stdout: '' });
      expect(file('verify', '-n', '100000', 'cap_net_raw=ep', one)).toMatchObject({ status: 0, stdout: '' });
      expect(file('get', one).stderr).toContain('count nothing here');
      // Not of a file whose owner is nobody there.
      const [root = ''] = touch('root');
      expect(inside('set', 'cap_net_raw=ep', root)).toMatchObject({
        status: 4,
        stderr: expect.stringContaining('its owner or its group has no id in our user namespace'),
      });
    } finally {
      target.kill();
      await once(target, 'exit');
    }
  });
});
