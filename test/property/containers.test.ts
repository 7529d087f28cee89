// Whose a process is, asked of anything: paths, mount tables, command lines and engines' files of any content give an
// identity or a gap. FC_SECONDS goes long.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identifyPath } from '../../src/containers/cgroup-identity.ts';
import { containerName, displayName } from '../../src/containers/display-name.ts';
import type { Files } from '../../src/containers/files.ts';
import { identifyProcess } from '../../src/containers/identify.ts';
import { parseJson } from '../../src/containers/json.ts';
import { unescapeUnit } from '../../src/containers/systemd-name.ts';
import { gap, value } from '../../src/kernel/host.ts';
import { parseCgroup } from '../../src/kernel/text/cgroup.ts';
import { parsePasswdHomes } from '../../src/kernel/text/passwd.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 1000, seed: 20_260_701 };
const timeout = seconds * 1000 + 60_000;

const ID = '0123456789abcdef'.repeat(4);
const UID = '5ad6a7c1-0a2b-4c3d-8e4f-001122334455';

/** What engines write, and what they do not. */
const segment = fc.oneof(
  fc.constantFrom(
    'docker',
    ID,
    `docker-${ID}.scope`,
    `crio-conmon-${ID}.scope`,
    `libpod-${ID}`,
    'libpod_parent',
    'kubepods.slice',
    `pod${UID}`,
    `kubepods-besteffort-pod${UID.replaceAll('-', '_')}.slice`,
    `x.slice:cri-containerd:${ID}`,
    'lxc',
    'lxc.payload.web',
    'lxc.payload...',
    '..',
    'systemd-nspawn@web.service',
    String.raw`machine-qemu\x2d1\x2d\xff.scope`,
    'user@1000.service',
    'user@99999999999999999999.service',
    'ecs',
    'nomad',
    'supervisor',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const path = fc.array(segment, { maxLength: 8 }).map((segments) => `/${segments.join('/')}`);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
);

describe('whose a process is', () => {
  it('any path is of somebody or nobody', { timeout }, () => {
    fc.assert(
      fc.property(path, (text) => {
        const { levels } = identifyPath(text);
        for (const level of levels) expect(level.id ?? level.podUid).not.toBeNull();
      }),
      parameters,
    );
  });

  it('any name of a unit is a name', { timeout }, () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\\', 'x', '2', 'd', 'f', 'é', '-') }), (name) => {
        expect(typeof unescapeUnit(name)).toBe('string');
      }),
      parameters,
    );
  });

  it('any bytes are a list of cgroups, or a parse error', { timeout }, () => {
    fc.assert(
      fc.property(bytes, (content) => {
        const read = parseCgroup(content, 'FILE');
        if (!read.ok) expect(read.gap).toMatchObject({ reason: 'malformed', what: 'FILE' });
      }),
      parameters,
    );
  });

  it('any bytes are a list of homes', { timeout }, () => {
    fc.assert(
      fc.property(bytes, (content) => {
        for (const home of parsePasswdHomes(content).values()) expect(home).toMatch(/^\//);
      }),
      parameters,
    );
  });

  it('JSON is read as it is; a part of it, or junk, is a gap that does not quote it', { timeout }, () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (text, cut) => {
        expect(parseJson(new TextEncoder().encode(text), 'FILE')).toEqual({ ok: true, value: JSON.parse(text) });
        const part = parseJson(new TextEncoder().encode(text.slice(0, cut % text.length)), 'FILE');
        if (!part.ok) expect(part.gap).toMatchObject({ reason: 'malformed', what: 'FILE' });
      }),
      parameters,
    );
    fc.assert(
      fc.property(bytes, (content) => {
        const read = parseJson(content, 'FILE');
        if (!read.ok) expect(['not JSON', 'the file ends too early']).toContain(read.gap.text);
      }),
      parameters,
    );
  });

  it('any machine gives an identity, or a gap', { timeout }, () => {
    const json = fc.oneof(
      fc.json(),
      fc.constant(`{"ID":"${ID}","Name":[]}`),
      fc.constant(`[{"id":"${ID}","names":[{}]}]`),
    );
    const file = fc.oneof(
      bytes,
      json.map((text) => new TextEncoder().encode(text)),
    );
    const mounts = fc.constantFrom(
      `1 1 254:0 /x/containers/${ID}/hostname /etc/hostname rw - ext4 d rw\n`,
      `1 1 0:1 /r/overlay-containers/${ID}/userdata/hostname /etc/hostname rw - tmpfs t rw\n`,
      '',
    );
    fc.assert(
      fc.property(
        path,
        file,
        mounts,
        fc.array(fc.string({ maxLength: 80 }), { maxLength: 5 }),
        (cgroup, content, table, words) => {
          const identity = identifyProcess(machine(cgroup, content, table, words), 7);
          if (identity.ok) {
            displayName(identity.value);
            containerName(identity.value);
          } else expect(identity.gap.reason).toBe('malformed');
        },
      ),
      parameters,
    );
  });
});

/** Every question has an answer. */
function machine(cgroup: string, content: Uint8Array, mounts: string, words: readonly string[]): Files {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    self: { pid: 1, uid: 0 },
    readFile: (file) => {
      if (file.endsWith('/cgroup')) return value(encode(`0::${cgroup}\n`));
      if (file.endsWith('/mountinfo')) return value(encode(mounts));
      if (file.endsWith('/cmdline')) return value(encode(words.join('\0')));
      if (file.endsWith('/stat')) return value(encode('7 (x) S 6 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n'));
      return value(content);
    },
    readLink: () => value('/run/containerd/io.containerd.runtime.v2.task/a/b'),
    readDirectory: (folder) =>
      folder.length % 2 === 0 ? value(['7', 'a', 'overlay-containers']) : gap({ reason: 'denied', what: folder }),
    stat: () => value({ dev: 1n, ino: 1n, mode: 0o100_644, uid: 0, gid: 0 }),
  };
}
