// What differs between a program of `each` and one of `enter`: one namespace, that namespace, and an end with nstool.

import { describe, expect, it } from 'vitest';
import { namespaceKinds, type NamespaceKind } from '../../../src/kernel/abi/namespace-kinds.ts';
import { NsError } from '../../../src/kernel/error.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { decodeText } from '../../../src/kernel/text/text.ts';
import { failureText, planEach } from '../../../src/launch/each.ts';
import type { Namespace } from '../../../src/namespaces/discover/scan.ts';
import { hostOf } from '../../support/recorded.ts';

const THEIRS = 4026532177n;

/** By /there/KIND a namespace of that kind, and nothing else. */
function host(inode = THEIRS): Host {
  const recorded = hostOf({});
  return {
    ...recorded,
    askNamespace: (door, questions) => {
      const kind = namespaceKinds.find((entry) => door === `/there/${entry.kind}`);
      if (kind === undefined || questions.length > 1) return recorded.askNamespace(door, questions);
      return { ok: true, value: questions[0] === 'NS_GET_NSTYPE' ? BigInt(kind.flagValue) : inode };
    },
  };
}

function namespace(kind: NamespaceKind, mounts: readonly string[] = [`/there/${kind}`]): Namespace {
  return { kind, inode: THEIRS, pids: [], mounts: [...mounts], foreignMounts: [], holders: [] };
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const caller = { env: ['A=b', 'NSTOOL_NS=old', 'NSTOOL_NAME=old', 'NSTOOL_NAMES=kept', 'PATH=/bin'].map(encode) };
const variables = { namespace: `net:${THEIRS}`, name: 'netns:blue' };

describe.each(namespaceKinds.map(({ kind }) => kind))('in one %s namespace', (kind) => {
  const { steps } = planEach(host(), namespace(kind), ['true'], caller, variables);
  const operations = steps.map(({ operation }) => operation);

  it('no other is joined', () => {
    const joined = operations.flatMap((operation) => (operation.op === 'setns' ? [operation.type] : []));
    expect(new Set(joined)).toEqual(new Set([namespaceKinds.find((entry) => entry.kind === kind)?.flagValue]));
  });

  it('it is the one that was listed, or none', () => {
    expect(operations).toContainEqual({ op: 'expect', slot: kind, device: 0n, inode: THEIRS });
  });

  it('the process that nstool waits for ends with nstool: after the last change of ids, which undo that', () => {
    const names = operations.map(({ op }) => op);
    const wish = names.indexOf('prctl');
    expect(names[wish + 1]).toBe(kind === 'pid' ? 'fork' : 'exec');
    expect(names.indexOf('fork') >= 0).toBe(kind === 'pid');
  });

  it('the command is told where it is, once', () => {
    const last = operations.at(-1);
    const env = last?.op === 'exec' ? last.env.map((text) => (typeof text === 'string' ? text : decodeText(text))) : [];
    expect(env).toEqual(['A=b', 'NSTOOL_NAMES=kept', 'PATH=/bin', `NSTOOL_NS=net:${THEIRS}`, 'NSTOOL_NAME=netns:blue']);
  });
});

it('what leads elsewhere by now is not entered, nor what nothing leads to', () => {
  for (const [at, of] of [
    [host(7n), namespace('net')],
    [host(), namespace('net', [])],
    [host(), namespace('net', ['/gone'])],
  ] as const) {
    expect(() => planEach(at, of, ['true'], caller, variables)).toThrow(NsError);
  }
});

it('a failed step is told as nsexec would', () => {
  const program = planEach(host(), namespace('net'), ['no-such'], caller, variables);
  const last = program.steps.length - 1;
  expect(failureText(program, { step: last, errno: 2 })).toMatch(
    /^nstool: cannot run 'no-such': not found \(ENOENT\)\n/,
  );
  expect(failureText(program, { step: last, errno: 12 })).toMatch(/^nstool: cannot run 'no-such'\n/);
  expect(failureText(program, { step: last - 1, errno: 22 })).toBe(`nstool: step ${last}: end with nstool: EINVAL\n`);
  expect(failureText(program, { step: last - 1, errno: 333 })).toBe(
    `nstool: step ${last}: end with nstool: errno 333\n`,
  );
  expect(failureText(program, { step: 0xffffffff, errno: 22 })).toBe('nstool: nsexec refused the program\n');
});
