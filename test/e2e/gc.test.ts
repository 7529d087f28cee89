// `nstool gc`: what the journal says is ours and nobody's any more is removed, and nothing else. The journal is one of the
// test's own, its entries are as a killed nstool leaves them.

import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CgroupPlace } from '../../src/kernel/cgroup-plan.ts';
import { encodeEntry, type JournalEntry, type Maker, type Undo } from '../../src/kernel/journal.ts';
import { PrivateRun } from '../support/private-run.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly { readonly subject: string; readonly reason: string }[];
  readonly garbage: readonly { readonly state: string; readonly what: string; readonly why: string | null }[];
}

const NAME = `/nstool-test-gc-${process.pid}`;
const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const pidNamespace = BigInt(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0);

function startOf(pid: number): bigint {
  return BigInt(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? 0);
}

/** Nobody has this number. */
const dead: Maker = { pid: 4_194_304, start: 1n, pidNamespace };

describe.skipIf(lacks('root', 'unshare', 'nsenter'))('gc', () => {
  let cgroups: TestCgroups;
  let isolated: PrivateRun;
  /** pids is everywhere, v1 or v2. */
  let mount: string;
  let hierarchy: string;

  beforeAll(async () => {
    isolated = await PrivateRun.start();
    mkdirSync(isolated.path('nstool'), { mode: 0o700 });
  });
  afterAll(() => isolated.end());
  beforeEach(() => {
    cgroups = new TestCgroups();
    hierarchy = cgroups.mounts.has('pids') ? 'pids' : 'cgroup2';
    mount = cgroups.mounts.get(hierarchy) ?? '';
  });
  afterEach(async () => {
    await cgroups.end();
    for (const id of isolated.journal()) run(['rm', isolated.path(`nstool/${id}`)]);
  });

  /** One that was made by us. */
  function made(path: string): CgroupPlace {
    const folder = cgroups.make(hierarchy, path);
    return { mount, below: path.slice(1), inode: statSync(folder, { bigint: true }).ino };
  }

  function entry(undo: readonly Undo[], more: Partial<JournalEntry> = {}): string {
    const whole = { id: 'abcdefgh', boot, maker: dead, made: 1, what: 'cgroup run true', kept: false, undo, ...more };
    writeFileSync(isolated.path(`nstool/${whole.id}`), encodeEntry(whole));
    return whole.id;
  }

  const group = (place: CgroupPlace): Undo => ({ op: 'cgroup', place });
  const folderOf = ({ below }: CgroupPlace): string => `${mount}/${below}`;

  function gc(words: readonly string[] = [], status = 0): Answer {
    const result = isolated.nstool(['gc', '--json', ...words]);
    expect(result.status, result.stdout + result.stderr).toBe(status);
    const answer: unknown = JSON.parse(result.stdout);
    expect(faults('gc', answer)).toEqual([]);
    expect(passed('gc', answer)).toEqual([]);
    return answer as Answer;
  }

  const states = ({ garbage }: Answer): readonly string[] => garbage.map(({ state, what }) => `${state} ${what}`);

  it('removes what was made, the lower first, and nothing beside it', () => {
    const [above, below] = [made(NAME), made(`${NAME}/below`)];
    const beside = made(`${NAME}-beside`);
    entry([group(above), group(below)]);
    expect(states(gc(['--dry-run'], 1))).toEqual([
      `planned ${folderOf(below)}`,
      // Only for as long as the other is there.
      `left ${folderOf(above)}`,
    ]);
    expect(existsSync(folderOf(below))).toBe(true);
    expect(states(gc())).toEqual([`removed ${folderOf(below)}`, `removed ${folderOf(above)}`]);
    expect([existsSync(folderOf(above)), existsSync(folderOf(beside))]).toEqual([false, true]);
    expect(isolated.journal()).toEqual([]);
    expect(states(gc())).toEqual([]);
  });

  it('leaves one with processes, and says so; later it goes', async () => {
    const place = made(NAME);
    entry([group(place)]);
    cgroups.start([folderOf(place)]);
    const { garbage } = gc([], 1);
    expect(garbage).toMatchObject([{ state: 'left', why: '1 process is in it' }]);
    expect([existsSync(folderOf(place)), isolated.journal().length]).toEqual([true, 1]);
    const text = isolated.nstool(['gc']);
    expect([text.status, text.stdout]).toEqual([
      1,
      expect.stringMatching(/^left .* 1 process is in it +abcdefgh +cgroup run true$/m),
    ]);
    const procs = (): string => readFileSync(`${folderOf(place)}/cgroup.procs`, 'utf8');
    process.kill(Number(procs()), 'SIGKILL');
    while (procs() !== '') await new Promise((done) => setTimeout(done, 5));
    expect(states(gc())).toEqual([`removed ${folderOf(place)}`]);
  });

  it('leaves one that has cgroups of somebody else below it', () => {
    const place = made(NAME);
    made(`${NAME}/theirs`);
    entry([group(place)]);
    expect(gc([], 1).garbage).toMatchObject([{ state: 'left', why: 'cgroups are below it: theirs' }]);
    expect(existsSync(`${folderOf(place)}/theirs`)).toBe(true);
  });

  it('leaves another with its name, and forgets the one that is gone', () => {
    const place = made(NAME);
    rmdirSync(folderOf(place));
    mkdirSync(folderOf(place));
    expect(statSync(folderOf(place), { bigint: true }).ino).not.toBe(place.inode);
    entry([group(place)]);
    expect(states(gc())).toEqual([`gone ${folderOf(place)}`]);
    expect([existsSync(folderOf(place)), isolated.journal()]).toEqual([true, []]);
  });

  it.skipIf(lacks('cgroup1'))('finds one of v1 that was renamed, by its inode, and what is below it', () => {
    const place = made(NAME);
    made(`${NAME}/below`);
    const other = `${mount}${NAME}-other`;
    run(['mv', folderOf(place), other]);
    const id = entry([{ ...group(place), kill: true } as Undo]);
    expect(gc(['--dry-run']).garbage).toMatchObject([{ state: 'planned', what: other }]);
    expect(gc([id]).garbage).toMatchObject([{ state: 'removed', what: other }]);
    expect(existsSync(other)).toBe(false);
  });

  it.skipIf(lacks('cgroup1'))('a command that renames its cgroup leaves nothing', () => {
    const script = `mv "${mount}$(grep -o "/nstool-.*" /proc/self/cgroup | head -1)" ${mount}${NAME}-mine; sleep 1000 & :`;
    const { status, stderr } = isolated.nstool(['cgroup', 'run', '--pids', '9', '--', 'sh', '-c', script]);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('left')]);
    expect(existsSync(`${mount}${NAME}-mine`)).toBe(false);
    expect(isolated.journal()).toEqual([]);
  });

  it('touches nothing of who is at work, unless he is who asks', () => {
    const place = made(NAME);
    const sleeper = cgroups.start([]);
    const id = entry([group(place)], { maker: { pid: sleeper, start: startOf(sleeper), pidNamespace } });
    expect(states(gc())).toEqual([]);
    const refused = isolated.nstool(['gc', id]);
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('its maker is still at work')]);
    // A later process with his number is not he.
    entry([group(place)], { maker: { pid: sleeper, start: startOf(sleeper) + 1n, pidNamespace } });
    expect(states(gc(['--dry-run']))).toEqual([`planned ${folderOf(place)}`]);
    entry([group(place)], { maker: { pid: process.pid, start: startOf(process.pid), pidNamespace } });
    expect(states(gc())).toEqual([]);
    expect(states(gc([id]))).toEqual([`removed ${folderOf(place)}`]);
  });

  it('a maker of another pid namespace is not known to be gone', () => {
    const place = made(NAME);
    entry([group(place)], { maker: { ...dead, pidNamespace: 1n } });
    const { garbage, complete, gaps } = gc();
    expect([garbage, complete, gaps]).toMatchObject([
      [],
      false,
      [{ subject: 'maker of an entry', reason: 'unsupported' }],
    ]);
    expect(existsSync(folderOf(place))).toBe(true);
  });

  it('an entry of an earlier boot is dropped, as what it tells of is', () => {
    const place = made(NAME);
    entry([group(place)], { boot: '00000000-0000-0000-0000-000000000000' });
    expect(states(gc())).toEqual([]);
    expect([existsSync(folderOf(place)), isolated.journal()]).toEqual([true, []]);
  });

  it('what is no entry is named and left; what was half written goes', () => {
    writeFileSync(isolated.path('nstool/junk'), '{}');
    writeFileSync(isolated.path('nstool/later'), '{"version":9}');
    run(['ln', '-s', '/etc/passwd', isolated.path('nstool/link')]);
    mkdirSync(isolated.path('nstool/folder'));
    writeFileSync(isolated.path(`nstool/.abc-${dead.pid}-1`), 'half');
    writeFileSync(isolated.path(`nstool/.abd-${process.pid}-${startOf(process.pid)}`), 'half');
    // What an entry says that cannot be read, nobody knows.
    const { garbage, complete, gaps } = gc([], 1);
    expect([garbage, complete]).toEqual([[], false]);
    expect(gaps.map(({ reason }) => reason).toSorted()).toEqual(['malformed', 'unsupported', 'unsupported']);
    const left = [`.abd-${process.pid}-${startOf(process.pid)}`, 'folder', 'junk', 'later', 'link'];
    expect(isolated.journal()).toEqual(left);
    run(['rm', '-r', ...left.map((name) => isolated.path(`nstool/${name}`))]);
  });

  it.each([
    ['../../../../../../tmp', 'leads out of the mount'],
    ['', 'is the root'],
    ['.', 'is the root'],
    ['x/..', 'is the root'],
  ])('a name that %s (%s) removes nothing', (below) => {
    entry([group({ mount, below, inode: null })]);
    const result = isolated.nstool(['gc', '--json']);
    expect(states(JSON.parse(result.stdout) as Answer).every((line) => /^(?:left|gone) /.test(line))).toBe(true);
    expect([existsSync('/tmp'), existsSync(mount)]).toEqual([true, true]);
  });

  it('where no cgroups are mounted nothing is removed', () => {
    const folder = run(['mktemp', '-d', '/tmp/nstool-test-gc-XXXXXX']).stdout.trim();
    mkdirSync(`${folder}/x`);
    try {
      entry([group({ mount: folder, below: 'x', inode: null })]);
      expect(gc([], 1).garbage).toMatchObject([{ state: 'left', why: `no cgroups are mounted at ${folder}` }]);
      // Nor where it looks like it.
      writeFileSync(`${folder}/cgroup.procs`, '');
      expect(gc([], 1).garbage).toMatchObject([{ state: 'left' }]);
      expect(existsSync(`${folder}/x`)).toBe(true);
    } finally {
      run(['rm', '-r', folder]);
    }
  });

  it.skipIf(lacks('tracing'))('removes what caps why left in the kernel’s tracing', () => {
    const name = `nstool-why-${dead.pid}-1`;
    const inTracing = (command: string): string =>
      run(['unshare', '-m', 'sh', '-c', `mount -t tracefs t /mnt && cd /mnt/instances && ${command}`]).stdout;
    inTracing(`mkdir ${name}`);
    expect(gc(['--dry-run']).garbage).toContainEqual(expect.objectContaining({ what: `tracing/instances/${name}` }));
    gc();
    expect(inTracing('ls')).not.toContain(name);
  });
});
