// Namespaces that come and go under a watch: all of them are reported, or counted as missed.

import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { PLAIN_UID, asUser, identities, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';
import { startWatching, type Said } from '../support/watching.ts';

const missing = lacks('unshare', 'userns', 'namespaces');
const TIMEOUT = 120_000;

const inode = (said: readonly Said[], event: string): readonly unknown[] =>
  said.filter((one) => one.event === event).map((one) => one['ns']);

/** A shell script, whose children are watched. It waits for a line before it begins. */
function script(text: string): { readonly pid: number; go: () => Promise<void> } {
  const child = spawn('sh', ['-c', `read line; ${text}`], { stdio: ['pipe', 'ignore', 'inherit'], cwd: '/' });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  return {
    pid: child.pid ?? 0,
    go: async () => {
      child.stdin.end('go\n');
      await ended;
    },
  };
}

it.skipIf(missing || lacks('root'))(
  'reports 1,000 namespaces made and gone at full speed, or counts them as missed',
  async () => {
    const churn = script('i=0; while [ $i -lt 1000 ]; do unshare --uts true; i=$((i+1)); done');
    const watching = await startWatching(['-t', 'uts', '-p', String(churn.pid)]);
    await churn.go();
    const said = await watching.end();
    const last = said.at(-1);
    expect(last).toMatchObject({ event: 'end' });
    const appeared = inode(said, 'appeared').length;
    expect(appeared + Number(last?.['unseen']) >= 1000 || Number(last?.['overruns']) > 0).toBe(true);
    // Nothing of it is there any more.
    expect(inode(said, 'gone')).toHaveLength(appeared);
    const unseen = said.filter((one) => one.event === 'unseen').reduce((sum, one) => sum + Number(one['processes']), 0);
    expect(unseen).toBe(last?.['unseen']);
  },
  TIMEOUT,
);

it.skipIf(missing || lacks('root'))(
  'reports all that lasts a moment, each with who and how long',
  async () => {
    const many = script('i=0; while [ $i -lt 200 ]; do unshare --uts sleep 2 & i=$((i+1)); done; wait');
    const watching = await startWatching(['-t', 'uts', '-p', String(many.pid)]);
    await many.go();
    await watching.until((said) => inode(said, 'gone').length >= 200);
    const said = await watching.end();
    // Whose maker has ended before its parent could be asked is said too.
    const ours = (event: string): readonly Said[] =>
      said.filter((one) => one.event === event && String(one['command']).includes('sleep 2'));
    const appeared = ours('appeared');
    expect(appeared).toHaveLength(200);
    expect(new Set(appeared.map((one) => one['id'] ?? one['ns'])).size).toBe(200);
    for (const one of appeared)
      expect(one).toMatchObject({ uid: 0, user: 'root', command: expect.stringContaining('sleep 2') });
    const gone = ours('gone');
    expect(new Set(gone.map((one) => one['ns']))).toEqual(new Set(appeared.map((one) => one['ns'])));
    for (const one of gone) expect(one['lived']).toBeGreaterThan(0.5);
  },
  TIMEOUT,
);

it.skipIf(missing).each(identities)(
  'reports the namespaces of $name to $name, by process events and by polling',
  async ({ uid }) => {
    // The connector is there in the host's own network namespace only.
    const sources = process.geteuid?.() === 0 ? [[], ['unshare', '--net']] : [[]];
    for (const before of sources) {
      const watching = await startWatching(['-t', 'user', '--interval', '0.2'], { uid, before });
      if (before.length > 0) expect(watching.said[0]).toMatchObject({ event: 'start', source: 'polling' });
      const target = await makeTarget(['--user', '--map-root-user'], uid);
      try {
        const ours = (said: readonly Said[]): Said | undefined =>
          said.find((one) => one.event === 'appeared' && one['pid'] === target.pid);
        await watching.until((said) => ours(said) !== undefined);
        const ns = ours(watching.said)?.['ns'];
        expect(ours(watching.said)).toMatchObject({ type: 'user', uid, lived: null });
        await target.end();
        await watching.until((said) => said.some((one) => one.event === 'gone' && one['ns'] === ns));
        expect(watching.said).toContainEqual(expect.objectContaining({ event: 'gone', ns, pid: target.pid }));
      } finally {
        await target.end();
        await watching.end();
      }
    }
  },
  TIMEOUT,
);

it.skipIf(missing || lacks('root', 'ip'))(
  'reports named network namespaces, which no process keeps, with their names',
  async () => {
    const watching = await startWatching(['-t', 'net']);
    const path = '/run/netns/nstool-watch-test';
    const named = (event: string) => (said: readonly Said[]) =>
      said.some((one) => one.event === event && Array.isArray(one['nsfs']) && one['nsfs'].includes(path));
    try {
      run(['ip', 'netns', 'add', 'nstool-watch-test']);
      // Whoever made it may have been seen in it before it had a name.
      const known = (said: readonly Said[]): boolean => inode(said, 'appeared').length > 0;
      await watching.until(known);
      expect(known(watching.said)).toBe(true);
    } finally {
      run(['ip', 'netns', 'delete', 'nstool-watch-test']);
    }
    await watching.until((said) => inode(said, 'gone').length > 0);
    const said = await watching.end();
    expect(inode(said, 'gone')).toEqual(expect.arrayContaining([...inode(said, 'appeared')].slice(0, 1)));
    expect(named('appeared')(said) || said.some((one) => String(one['command']).includes('netns add'))).toBe(true);
  },
  TIMEOUT,
);

it.skipIf(missing || lacks('root'))(
  'says when the kernel had more to tell than it heard, and looks at everything',
  async () => {
    const watching = await startWatching(['-t', 'uts', '--interval', '100']);
    if (watching.said[0]?.['source'] !== 'process_events') return void (await watching.end());
    watching.child.kill('SIGSTOP');
    run(['sh', '-c', 'i=0; while [ $i -lt 8000 ]; do (:); i=$((i+1)); done']);
    const target = await makeTarget(['--uts']);
    try {
      watching.child.kill('SIGCONT');
      await watching.until((said) => said.some((one) => one['pid'] === target.pid));
      const said = await watching.end();
      expect(said).toContainEqual(expect.objectContaining({ event: 'overrun' }));
      expect(said).toContainEqual(expect.objectContaining({ event: 'appeared', pid: target.pid }));
    } finally {
      watching.child.kill('SIGCONT');
      await target.end();
      await watching.end();
    }
  },
  TIMEOUT,
);

it.skipIf(missing || lacks('root'))(
  'as a plain user reports what others closed to it as a gap',
  async () => {
    const target = await makeTarget(['--uts']);
    const watching = await startWatching(['-t', 'uts'], { uid: PLAIN_UID });
    try {
      expect(watching.said[0]).toMatchObject({
        complete: false,
        gaps: expect.arrayContaining([expect.objectContaining({ subject: 'process', reason: 'denied' })]),
      });
      expect(asUser(['true'], PLAIN_UID)).toContain('setpriv');
    } finally {
      await watching.end();
      await target.end();
    }
  },
  TIMEOUT,
);
