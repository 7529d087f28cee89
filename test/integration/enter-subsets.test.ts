// Every subset of the eight kinds, for a target that has all of them for itself: what is entered, or refused, is what
// nsenter(1) of the newest util-linux enters or refuses. The plan is made here, and carried out by nsexec as it is after
// nstool has become it, because starting Node a thousand times would take minutes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds, type NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';
import { encodeProgram } from '../../src/kernel/program.ts';
import { planEnter } from '../../src/launch/enter.ts';
import { look, staying } from '../support/entered.ts';
import { newestUtilLinux, readableCopy } from '../support/newest-util-linux.ts';
import { asUser, identities, installation, run, type Identity } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const subsets: readonly (readonly NamespaceKind[])[] = Array.from({ length: 255 }, (_, index) =>
  namespaceKinds.filter((_kind, bit) => (((index + 1) >> bit) & 1) === 1).map(({ kind }) => kind),
);

const newest = newestUtilLinux();
/** What the command itself tells: its ids and capabilities, and where it is. */
const report = "grep -E '^(Uid|Gid|Groups|Cap)' /proc/thread-self/status; pwd; ls -di /";

describe.skipIf(newest === undefined || lacks('userns', 'namespaces', 'unshare')).each(identities)(
  'by $name',
  ({ uid }: Identity) => {
    let folder: string;
    let target: TargetProcess;
    let oracle: readonly string[];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'nstool-subsets-'));
      oracle = readableCopy(newest?.('nsenter') ?? [], folder);
      // A plain user becomes root in there; root stays what it is.
      target = await makeTarget(['-U', '-r', '-muinCT', '-p', '--fork', '--mount-proc'], uid);
    });
    afterAll(async () => {
      await target.end();
      rmSync(folder, { recursive: true, force: true });
    });

    /** The links and the report of what was entered, or that it was refused. */
    async function outcome(command: readonly string[]): Promise<unknown> {
      try {
        const { links, report: told } = await look(asUser(command, uid), report);
        return { links, told };
      } catch {
        const { status, stdout } = run(asUser([...command, 'true'], uid));
        expect(status).not.toBe(0);
        expect(stdout).toBe('');
        return 'refused';
      }
    }

    function theirs(kinds: readonly NamespaceKind[]): Promise<unknown> {
      const letters = namespaceKinds.filter(({ kind }) => kinds.includes(kind)).map(({ letter }) => `-${letter}`);
      // Groups cannot be dropped where a plain user wrote the maps: for nsenter that is an error, for nstool it is not.
      const keep = uid === 0 ? [] : ['--preserve-credentials'];
      return outcome([...oracle, '-t', String(target.pid), ...letters, ...keep]);
    }

    function ours(kinds: readonly NamespaceKind[]): Promise<unknown> {
      const env = [new TextEncoder().encode(`PATH=${process.env['PATH'] ?? ''}`)];
      const { program } = planEnter(
        linuxHost(),
        {
          pid: target.pid,
          kinds,
          given: [],
          preserveCredentials: false,
          resolver: false,
          fork: true,
          command: staying(report),
          trace: false,
        },
        { env },
      );
      const file = join(folder, 'program');
      writeFileSync(file, encodeProgram(program));
      run(['chmod', 'a+r', file]);
      const nsexec = join(installation(), 'native/nsexec');
      return outcome(['sh', '-c', 'exec "$0" 3 3<"$1"', nsexec, file]);
    }

    test.each(Array.from({ length: 16 }, (_, part) => part))(
      'the subsets of part %i',
      { timeout: 60_000 },
      async (part) => {
        for (const kinds of subsets.filter((_, index) => index % 16 === part)) {
          const [is, expected] = await Promise.all([ours(kinds), theirs(kinds)]);
          expect({ kinds, is }).toEqual({ kinds, is: expected });
          // Without its user namespace all belongs to somebody else for a plain user.
          expect({ kinds, entered: is !== 'refused' }).toEqual({ kinds, entered: uid === 0 || kinds.includes('user') });
        }
      },
    );
  },
);
