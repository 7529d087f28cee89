import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { credentialsOf } from '../../capabilities/credentials.ts';
import { collapse } from '../../capabilities/expression.ts';
import { CAPABILITY_ATTRIBUTE, encodeFileCapabilities } from '../../capabilities/file-capabilities.ts';
import { fileCapabilityText } from '../../capabilities/file-text.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { flag, optionValue, type CommandDefinition, type Invocation } from '../define-command.ts';
import { changeFiles } from './caps-file-change.ts';
import { requireThisMachine } from './this-machine.ts';
import { filePairs, rootidOption, type FilePair } from './caps-file-pairs.ts';

export const capsFileSet: CommandDefinition = {
  name: 'caps file set',
  summary: 'give files capabilities',
  operands: 'TEXT PATH [TEXT PATH…]',
  arity: [2, Infinity],
  description: [
    'Gives each PATH, a regular file and no link, the capabilities of TEXT, in place of those that it has. TEXT is what',
    'setcap(8) takes: cap_net_raw=ep; - reads it from standard input, up to a blank line. All is checked before the first',
    'file is changed. What each had before is told, as the command that brings it back.',
    'The empty set (=) is not the same as none: it takes ambient capabilities from who executes the file.',
    'Refused without --force is what would make the file unrunnable: with the effective bit, a permitted capability that',
    'is not in the bounding set makes execve(2) fail with EPERM, for root too. The bounding set is ours, or that of --for.',
  ],
  options: [
    rootidOption,
    { long: 'for', value: 'TARGET', help: 'this process must be able to run the files, instead of us' },
    { long: 'force', short: 'f', help: 'also what nobody with that bounding set could run' },
  ],
  examples: [
    { line: 'nstool caps file set cap_chown=ep ./chown', does: 'chown for everybody' },
    { line: 'nstool caps file set -n 100000 cap_kill=p A', does: 'only where uid 100000 is root' },
    { line: 'nstool caps file set cap_kill=i A =p B', does: 'several' },
  ],
  exitStatus: [
    [0, 'all are set'],
    [2, 'the command line is wrong, or no file could be run so; nothing was changed'],
    [3, 'no such PATH or TARGET; nothing was changed'],
    [4, 'the kernel refused'],
    [5, 'the file system has no capabilities'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const host = await context.host();
    const known = allCapabilities(host);
    if (!known.ok) throw errorOfGap(known.gap, 'cannot tell which capabilities this kernel knows');
    const pairs = filePairs(invocation, context, known.value);
    requireRunnable(host, pairs, invocation, known.value);
    const plan = pairs.map(({ path, capabilities }) => ({
      path,
      name: CAPABILITY_ATTRIBUTE,
      bytes: encodeFileCapabilities(capabilities),
      reason: fileCapabilityText(capabilities, known.value),
    }));
    const changed = await changeFiles(host, plan, context, known.value);
    return { ...changed, notes: [...beyond(pairs, known.value), ...changed.notes] };
  },
};

/** Errors: BAD_VALUE, and of the target. */
function requireRunnable(host: Host, pairs: readonly FilePair[], invocation: Invocation, all: bigint): void {
  if (flag(invocation, 'force')) return;
  const word = optionValue(invocation, 'for');
  // A user namespace is made with a full bounding set.
  const asked = pairs.filter(({ capabilities }) => word !== undefined || capabilities.rootid === 0);
  const risky = asked.filter(({ capabilities }) => capabilities.effective && capabilities.permitted !== 0n);
  if (risky.length === 0) return;
  const sets = setsOf(host, word);
  for (const { path, capabilities, text } of risky) {
    // Source: security/commoncap.c bprm_caps_from_vfs_caps().
    const given = (sets.bounding & capabilities.permitted) | (sets.inheritable & capabilities.inheritable);
    const missing = capabilities.permitted & all & ~given;
    if (missing === 0n) continue;
    const who = word === undefined ? 'our bounding set' : `the bounding set of ${word}`;
    throw new NsError('BAD_VALUE', {
      what: `with '${text}' nobody could run ${path}: nothing was changed`,
      why: `${collapse(missing, undefined)} is not in ${who}, and with the effective bit execve(2) then fails (EPERM)`,
      tryThis: 'without e, and a program that raises them itself; or --force',
    });
  }
}

function setsOf(host: Host, word: string | undefined): CapabilitySets {
  const target = word === undefined ? undefined : resolveTarget(host, word);
  if (target !== undefined && target.type !== 'process') {
    throw new NsError('BAD_VALUE', {
      what: `--for takes a process, not '${word ?? ''}'`,
      why: 'a bounding set is that of a process',
    });
  }
  const credentials = credentialsOf(host, target?.pid ?? host.self.pid);
  if (credentials.ok) return credentials.value.sets;
  throw errorOfGap(credentials.gap, `cannot read the bounding set of ${word ?? 'nstool'}`);
}

/** Bits that count nothing on this kernel. */
function beyond(pairs: readonly FilePair[], all: bigint): readonly string[] {
  return pairs.flatMap(({ path, capabilities: { permitted, inheritable } }) => {
    const unknown = (permitted | inheritable) & ~all;
    return unknown === 0n
      ? []
      : [`${path}: this kernel does not know ${collapse(unknown, undefined)}, and passes over it`];
  });
}
