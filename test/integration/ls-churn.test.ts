// Look after look at a host on which processes and namespaces come and go at full speed: none fails, and what stays
// is in each of them.

import { expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { value, valueOf, type Host } from '../../src/kernel/host.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import { namespaceRows, processRows, type Fact } from '../../src/namespaces/rows.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { asUser, identities, nstool, type Identity } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { freshBelow } from '../support/stage.ts';

const FACTS: ReadonlySet<Fact> = new Set(['ppid', 'command', 'uid', 'user', 'netnsid', 'pns', 'ons']);
const KINDS = new Set(namespaceKinds.map(({ kind }) => kind));

/** Until it is ended, or the test is. With lower priority than who looks: it would take all of a small machine. */
const churn = (round: string): readonly string[] => {
  const loop = `echo ready; while [ -e /proc/${process.pid} ]; do ${round}; done`;
  return ['nice', '-n', '19', 'sh', '-c', loop];
};

/** In user namespaces of their own, so that root and others can. Each leaves a zombie for a moment. */
const ROUNDS = [
  'unshare --user --map-root-user --ipc --uts true',
  'unshare --user --map-root-user --pid --fork --mount sh -c "mount -t tmpfs tmpfs /run; touch /run/x; mount --bind /proc/self/ns/uts /run/x"',
  'sh -c "true & true & true"',
];

/** `look` gets the namespaces that stay. */
async function withChurn(users: readonly Identity[], look: (stable: readonly number[]) => void): Promise<void> {
  const started: Started[] = [];
  try {
    const all = ['unshare', '--user', '--map-root-user', '-muinpCT', '--fork', '--kill-child'];
    const stable: number[] = [];
    for (const { uid } of users) {
      const process = await startReady(asUser([...all, 'sh', '-c', 'echo ready; exec sleep 1000'], uid));
      started.push(process);
      stable.push(...freshBelow(process.pid));
    }
    expect(stable).toHaveLength(8 * users.length);
    for (const [index, round] of ROUNDS.entries()) {
      started.push(await startReady(asUser(churn(round), users[index % users.length]?.uid)));
    }
    look(stable);
  } finally {
    await Promise.all(started.map((one) => one.end()));
  }
}

/** The host without the processes that are there now, but for ourselves. */
function withoutThose(host: Host): Host {
  const known = new Set(valueOf(host.readDirectory('/proc')));
  known.delete(String(process.pid));
  const isOther = (name: string): boolean => !known.has(name);
  return {
    ...host,
    readDirectory(path) {
      const names = host.readDirectory(path);
      return names.ok && path === '/proc' ? value(names.value.filter(isOther)) : names;
    },
  };
}

const TIMEOUT = 900_000;
/** A thousand take minutes, and are `npm run test:long`. */
const LOOKS = process.env['NSTOOL_TEST_LONG'] === undefined ? 150 : 1000;
const missing = lacks('namespaces', 'userns', 'unshare');

it.skipIf(missing)(
  `fails none of ${LOOKS} looks, and hides nothing that stays`,
  async () => {
    const whole = linuxHost();
    const fresh = withoutThose(whole);
    await withChurn(identities, (stable) => {
      let gone = 0;
      const seen = new Set<number>();
      const kindsInTurn = [...KINDS];
      // Where the machine is busy, on until enough came and went.
      const hasChurned = (): boolean => gone > 0 && seen.size > stable.length + 8 + 5;
      for (let look = 0; look < LOOKS || (look < 1000 && !hasChurned()); look += 1) {
        // Everything of everyone is dear on a host that is busy with other things; now and then will do.
        const isWhole = look % 25 === 0;
        const kinds = isWhole ? KINDS : new Set(kindsInTurn.slice(look % 8, (look % 8) + 2));
        const scan = discoverNamespaces(isWhole ? whole : fresh, kinds);
        const rows = namespaceRows(scan, isWhole || look % 5 === 0 ? FACTS : new Set(['ppid']));
        for (const { ns } of rows) seen.add(Number(ns));
        const inodes = new Set(rows.map(({ ns }) => Number(ns)));
        const missed = stable.filter((inode) => !inodes.has(inode));
        expect(missed).toHaveLength(isWhole ? 0 : stable.length - (stable.length / 8) * kinds.size);
        const gaps = scan.gaps.list();
        gone += gaps.filter(({ reason }) => reason === 'gone').length;
        // What comes and goes is gone, and never anything worse.
        expect(gaps.filter(({ reason }) => reason === 'malformed' || reason === 'unrecorded')).toEqual([]);
        if (look % 50 === 0) {
          for (const namespace of scan.namespaces.values()) {
            expect(processRows(scan, namespace, FACTS)).toHaveLength(namespace.pids.length);
          }
        }
      }
      expect({ gone, seen: seen.size, hasChurned: hasChurned() }).toMatchObject({ hasChurned: true });
    });
  },
  TIMEOUT,
);

it.skipIf(missing).each(identities)(
  'fails no run of the program by $name',
  async ({ uid, name }) => {
    await withChurn([{ uid, name }], (stable) => {
      for (let round = 0; round < 10; round += 1) {
        const { status, stdout, stderr } = nstool(['ls', '--json', '--output-all'], { uid });
        expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining('error') });
        const { namespaces } = JSON.parse(stdout) as { namespaces: readonly { ns: number }[] };
        const inodes = new Set(namespaces.map(({ ns }) => ns));
        expect(stable.filter((inode) => !inodes.has(inode))).toEqual([]);
      }
    });
  },
  TIMEOUT,
);
