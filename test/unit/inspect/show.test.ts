// `show` on recorded hosts: which fields there are, that text and JSON say the same, and that nothing acts.

import { describe, expect, it } from 'vitest';
import { show } from '../../../src/cli/commands/show.ts';
import { namespaceFields } from '../../../src/inspect/show/namespace-fields.ts';
import { processFields } from '../../../src/inspect/show/process-fields.ts';
import { initSignalsField } from '../../../src/inspect/show/signals.ts';
import type { NsError } from '../../../src/kernel/error.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { parseNamespaceLink } from '../../../src/kernel/text/namespace-link.ts';
import { fixtureHost, fixtureHosts, runCommand } from '../../support/recorded.ts';

/** What acts on a terminal: controls but for the newline, marks that turn the direction, and what shows nothing. */
// eslint-disable-next-line no-control-regex -- these are the very characters to find
const ACTING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u;

interface ShowJson {
  readonly schema: number;
  readonly complete: boolean;
  readonly gaps: readonly { readonly reason: string }[];
  readonly process?: Readonly<Record<string, unknown>>;
  readonly namespace?: Readonly<Record<string, unknown>>;
}

async function json(host: Host, ...words: readonly string[]): Promise<ShowJson> {
  return JSON.parse((await runCommand(show, ['-J', ...words], { host })).stdout) as ShowJson;
}

function pidsOf(host: Host): readonly string[] {
  const entries = host.readDirectory('/proc');
  return entries.ok
    ? entries.value.filter(
        (entry) => /^[0-9]+$/.test(entry) && host.stat(`/proc/${entry}`).ok && host.readFile(`/proc/${entry}/stat`).ok,
      )
    : [];
}

describe.each(fixtureHosts)('show on the recorded host %s', (name) => {
  const host = fixtureHost(name);
  const pids = pidsOf(host);

  it('has a page on every process', async () => {
    for (const pid of pids) {
      const { schema, complete, gaps, process } = await json(host, pid);
      expect(schema).toBe(1);
      expect(process).toMatchObject({ pid: Number(pid) });
      expect(complete).toBe(gaps.every(({ reason }) => reason === 'gone'));
      for (const key of Object.keys(process ?? {})) expect(processFields.map((field) => field.key)).toContain(key);
    }
  });

  it('lets nothing act on a terminal', async () => {
    for (const pid of pids) {
      expect((await runCommand(show, [pid], { host, columns: 80 })).stdout).not.toMatch(ACTING);
      expect((await runCommand(show, [pid, '-J'], { host })).stdout).not.toMatch(ACTING);
    }
  });

  it('prints only the fields that were asked for, in that order', async () => {
    for (const pid of pids.slice(0, 3)) {
      const { stdout } = await runCommand(show, [pid, '-o', 'PID,comm'], { host });
      expect(stdout.split('\n')[0]).toBe(pid);
      expect(Object.keys((await json(host, pid, '-o', 'comm,pid')).process ?? {})).toEqual(['comm', 'pid']);
    }
  });

  it('has a page on every namespace', async () => {
    const inodes = new Set(
      pids.flatMap((pid) =>
        ['net', 'user', 'pid', 'mnt', 'uts', 'ipc', 'cgroup', 'time'].flatMap((kind) => {
          const link = host.readLink(`/proc/${pid}/ns/${kind}`);
          // A hostile host has links that are none.
          return link.ok && parseNamespaceLink(link.value, '').ok ? [link.value] : [];
        }),
      ),
    );
    for (const word of inodes) {
      // JavaScript's own parser rounds numbers of 64 bits: the text has them in full.
      const { stdout } = await runCommand(show, ['-J', word], { host });
      const [kind = '', inode = ''] = word.replace(']', '').split(':[');
      expect(stdout).toContain(`"type": "${kind}"`);
      expect(stdout).toContain(`"ns": ${inode}`);
      const { namespace } = JSON.parse(stdout) as ShowJson;
      for (const key of Object.keys(namespace ?? {})) expect(namespaceFields.map((field) => field.key)).toContain(key);
    }
  });
});

describe('show', () => {
  const host = fixtureHost('thirty-namespaces');
  const failure = (...words: readonly string[]): Promise<unknown> =>
    runCommand(show, words, { host }).catch((error: unknown) => error as NsError);

  it('refuses fields that the target does not have', async () => {
    const [pid = ''] = pidsOf(host);
    expect(await failure(pid, '-o', 'links')).toMatchObject({ code: 'BAD_VALUE' });
    expect(await failure('net:[1]')).toMatchObject({ code: 'NO_NAMESPACE' });
  });
});

describe('signals of an init', () => {
  const none = {
    inheritable: null,
    permitted: null,
    effective: null,
    bounding: null,
    ambient: null,
    noNewPrivileges: null,
    seccomp: null,
    seccompFilters: null,
    umask: null,
    speculativeStoreBypass: null,
  };
  it('tells those that are handled from those that are dropped', () => {
    // TERM and INT handled, HUP ignored, USR1 blocked.
    const { value } = initSignalsField({ ...none, caught: 0x4002n, ignored: 1n, blocked: 0x200n });
    expect(value).toMatchObject({ handled: ['INT', 'TERM'], ignored: ['HUP'], blocked: ['USR1'] });
    const { no_handler: dropped } = value as { readonly no_handler: readonly string[] };
    expect(dropped).toContain('QUIT');
    for (const name of ['TERM', 'HUP', 'KILL', 'STOP', 'CHLD']) expect(dropped).not.toContain(name);
  });

  it('is unknown without the masks', () => {
    expect(initSignalsField({ ...none, caught: null, ignored: 0n, blocked: 0n }).value).toBeNull();
    // systemd handles some real-time signals in a row, and one apart.
    const some = [34, 35, 36, 40, 64].reduce((mask, number) => mask | (1n << BigInt(number - 1)), 0n);
    const { lines } = initSignalsField({ ...none, caught: some, ignored: 0n, blocked: 0n });
    expect(lines[0]).toBe('handles 34-36 40 64');
    expect(lines[1]).toMatch(/ SYS 32-33 37-39 41-63$/);
  });
});
