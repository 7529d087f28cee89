// `watch` for a moment: what is made and ends meanwhile is said.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { PLAIN_UID } from '../support/program.ts';
import { makeTarget } from '../support/targets.ts';
import { startWatching, type Said } from '../support/watching.ts';
import { since } from './facts.ts';
import { inode } from './ls.ts';
import { test } from './test.ts';

for (const [name, uid, source] of [
  ['root', 0, 'process_events'],
  ['a plain user', PLAIN_UID, since(6, 6) ? 'process_events' : 'polling'],
] as const) {
  test(`watch says what appears and is gone, as ${name}: by ${source}`, async () => {
    const watching = await startWatching(['-t', 'user,uts'], { uid });
    try {
      equal(watching.said[0]?.['source'], source);
      const target = await makeTarget(['--user', '--map-root-user', '--uts'], uid);
      const numbers = ['user', 'uts'].map((kind) => inode(target.pid, kind));
      const said = (event: string) => (all: readonly Said[]) =>
        numbers.every((ns) => all.some((one) => one.event === event && one['ns'] === ns));
      await watching.until(said('appeared'));
      ok(said('appeared')(watching.said), JSON.stringify(watching.said));
      await target.end();
      await watching.until(said('gone'));
      ok(said('gone')(watching.said), JSON.stringify(watching.said));
      const ours = watching.said.filter((one) => numbers.includes(Number(one['ns'])));
      deepEqual([...new Set(ours.map((one) => one['uid']))], [uid]);
    } finally {
      const all = await watching.end();
      equal(all.at(-1)?.event, 'end');
    }
  });
}
