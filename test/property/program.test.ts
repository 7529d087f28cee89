// Programs: what the encoder writes is what native/protocol.md says, and nsexec takes all of it. FC_SECONDS goes long.

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  encodeProgram,
  type Explanation,
  type KernelText,
  type Operation,
  type Program,
  type Step,
} from '../../src/kernel/program.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);

function runs(numRuns: number): fc.Parameters<unknown> {
  if (seconds === 0) return { numRuns, seed: 20_260_701 };
  return { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false };
}

const nsexec = fileURLToPath(new URL('../../native/nsexec', import.meta.url));

/** The table of native/protocol.md: code, name, field types. */
const table: readonly (readonly [number, Operation['op'], string])[] = [
  [1, 'adopt', 'nf'],
  [2, 'open', 'osnnf'],
  [3, 'close', 'f'],
  [4, 'expect', 'fnn'],
  [5, 'setns', 'fn'],
  [6, 'chroot', 'f'],
  [7, 'chdir', 'f'],
  [8, 'setgroups', 'b'],
  [9, 'setgid', 'n'],
  [10, 'setuid', 'n'],
  [11, 'prctl', 'nnnnn'],
  [12, 'rlimit', 'nnn'],
  [13, 'signals', 'nn'],
  [14, 'fork', 'n'],
  [15, 'exec', 'sssll'],
  [16, 'skip', 'nn'],
  [17, 'pidfd', 'nf'],
  [18, 'getfd', 'fnf'],
  [19, 'reach', 'fnf'],
  [20, 'handle', 'nbnf'],
  [21, 'write', 'fb'],
  [22, 'gid_of', 'f'],
  [23, 'uid_of', 'f'],
  [24, 'ambient', 'n'],
  [25, 'pty', 'ff'],
  [26, 'relay', 'ffon'],
  [27, 'umask', 'n'],
  [28, 'capset', 'nnn'],
  [29, 'bounding', 'n'],
  [30, 'seccomp_of', 'nn'],
  [31, 'seccomp', 'n'],
  [32, 'chown', 'fn'],
  [40, 'unless', 'nn'],
  [41, 'unshare', 'n'],
  [42, 'propagate', 'sn'],
  [43, 'fsmount', 'slnf'],
  [44, 'tree', 'osnf'],
  [45, 'attach', 'fosn'],
  [46, 'detach', 'f'],
  [47, 'mkdir', 'fsn'],
  [48, 'symlink', 'fss'],
  [49, 'file', 'fsnb'],
  [50, 'wait', 'f'],
  [51, 'rmdir', 'fs'],
  [52, 'after', 'pp'],
  [53, 'holds', 'fsb'],
  [54, 'kill', 'fsn'],
  [55, 'spawn', 'sll'],
  [56, 'unlink', 'fs'],
  [57, 'links', 'fn'],
  [58, 'fork_into', 'nf'],
];

/** A decoder of its own: it shares nothing with the encoder but the specification. */
class Decoder {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Error(`too short at ${this.at}`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  string(): string {
    const text = this.take(this.u32());
    if (text.includes(0)) throw new Error('a NUL inside');
    if (this.take(1)[0] !== 0) throw new Error('no NUL behind');
    return text.toString('hex');
  }

  many<T>(read: () => T): readonly T[] {
    return Array.from({ length: this.u32() }, read);
  }

  field(type: string): unknown {
    switch (type) {
      case 'n':
        return this.take(8).readBigInt64LE();
      case 's':
        return this.string();
      case 'b':
        return this.take(this.u32()).toString('hex');
      case 'l':
        return this.many(() => this.string());
      case 'p':
        return this.many(() => this.step());
      default:
        return this.u32();
    }
  }

  explanation(): unknown {
    return [this.u32(), this.u32(), this.string()];
  }

  step(): unknown {
    const code = this.take(2).readUInt16LE();
    const [flag, mark] = this.take(2);
    const body = new Decoder(this.take(this.u32() - 8));
    const row = table.find(([known]) => known === code);
    if (row === undefined) throw new Error(`no operation ${code}`);
    const fields = row[2].split('').map((type) => body.field(type));
    const label = body.string();
    const explanations = body.many(() => body.explanation());
    if (body.left > 0) throw new Error('bytes left over');
    return { op: row[1], flag, mark, fields, label, explanations };
  }
}

function decode(bytes: Uint8Array): unknown {
  const from = new Decoder(bytes);
  const magic = from.take(4).toString('latin1');
  const version = from.take(2).readUInt16LE();
  const flags = from.take(2).readUInt16LE();
  const size = from.u32();
  const count = from.u32();
  const slots = from.u32();
  const failureStatus = from.u32();
  const statusFd = from.take(4).readInt32LE();
  const steps = Array.from({ length: count }, () => from.step());
  if (from.left > 0) throw new Error('bytes left over');
  return { magic, version, flags, size, slots, failureStatus, statusFd, steps };
}

function hex(text: KernelText): string {
  return Buffer.from(text as string).toString('hex');
}

/** What the decoder must find. */
function expected(program: Program, size: number): unknown {
  const slots: string[] = [];
  const slot = (name: string | undefined): number => {
    if (name === undefined) return 0xffffffff;
    if (!slots.includes(name)) slots.push(name);
    return slots.indexOf(name);
  };
  const steps = program.steps.map((step) => expectedStep(step, slot));
  const { trace, failureStatus, statusFd = -1 } = program;
  return { magic: 'NSXP', version: 1, flags: trace ? 1 : 0, size, slots: slots.length, failureStatus, statusFd, steps };
}

type SlotOf = (name: string | undefined) => number;

function expectedStep(step: Step, slot: SlotOf): unknown {
  return {
    op: step.operation.op,
    flag: (step.try === true ? 1 : 0) + (step.once === true ? 2 : 0),
    mark: step.mark ?? 0,
    fields: fieldsOf(step.operation, slot),
    label: hex(step.label),
    explanations: step.explanations.map(({ errno, status, text }) => [errno, status, hex(text)]),
  };
}

function fieldsOf(operation: Operation, slot: SlotOf): readonly unknown[] {
  const signed = (value: number | bigint): bigint => BigInt.asIntN(64, BigInt(value));
  switch (operation.op) {
    case 'adopt':
      return [signed(operation.fd), slot(operation.into)];
    case 'open':
      return [slot(operation.dir), hex(operation.path), signed(operation.flags), 0n, slot(operation.into)];
    case 'close':
    case 'chroot':
    case 'chdir':
    case 'wait':
      return [slot(operation.slot)];
    case 'after':
      return [operation.steps, operation.otherwise].map((steps) => steps.map((each) => expectedStep(each, slot)));
    case 'fork_into':
      return [signed(operation.deathSignal), slot(operation.slot)];
    case 'links':
      return [slot(operation.slot), signed(operation.most)];
    case 'holds':
      return [slot(operation.dir), hex(operation.path), hex(operation.bytes)];
    case 'kill':
      return [slot(operation.dir), hex(operation.path), signed(operation.milliseconds)];
    case 'spawn':
      return [hex(operation.file), operation.argv.map(hex), operation.env.map(hex)];
    case 'rmdir':
    case 'unlink':
      return [slot(operation.dir), hex(operation.path)];
    case 'expect':
      return [slot(operation.slot), signed(operation.device), signed(operation.inode)];
    case 'setns':
      return [slot(operation.slot), signed(operation.type)];
    case 'unless':
      return [signed(operation.mark), signed(operation.count)];
    case 'unshare':
      return [signed(operation.kinds)];
    case 'propagate':
      return [hex(operation.path), signed(operation.type)];
    case 'fsmount': {
      const { type, options, attributes, into } = operation;
      return [hex(type), options.map(hex), signed(attributes), slot(into)];
    }
    case 'tree':
      return [slot(operation.dir), hex(operation.path), signed(operation.flags), slot(operation.into)];
    case 'attach':
      return [slot(operation.slot), slot(operation.dir), hex(operation.path), signed(operation.flags)];
    case 'detach':
      return [slot(operation.slot)];
    case 'chown':
      return [slot(operation.slot), signed(operation.uid)];
    case 'mkdir':
      return [slot(operation.dir), hex(operation.path), signed(operation.mode)];
    case 'symlink':
      return [slot(operation.dir), hex(operation.path), hex(operation.target)];
    case 'file':
      return [slot(operation.dir), hex(operation.path), signed(operation.mode), hex(operation.bytes)];
    case 'setgroups':
      return [Buffer.from(new Uint32Array(operation.gids).buffer).toString('hex')];
    case 'setgid':
      return [signed(operation.gid)];
    case 'setuid':
      return [signed(operation.uid)];
    case 'prctl':
      return [operation.option, ...operation.args].map(signed);
    case 'rlimit':
      return [operation.resource, operation.soft, operation.hard].map(signed);
    case 'signals':
      return [operation.default, operation.blocked].map(signed);
    case 'fork':
      return [signed(operation.deathSignal)];
    case 'skip':
      return [signed(operation.mark), signed(operation.count)];
    case 'pidfd':
      return [signed(operation.pid), slot(operation.into)];
    case 'getfd':
      return [slot(operation.pidfd), signed(operation.fd), slot(operation.into)];
    case 'reach':
      return [
        slot(operation.slot),
        { SIOCGSKNS: 0x894cn, TUNGETDEVNETNS: 0x54e3n, NS_GET_USERNS: 0xb701n, NS_GET_PARENT: 0xb702n }[
          operation.question
        ],
        slot(operation.into),
      ];
    case 'handle':
      return [
        signed(operation.type),
        Buffer.from(operation.handle).toString('hex'),
        signed(operation.mount),
        slot(operation.into),
      ];
    case 'write':
      return [slot(operation.slot), hex(operation.bytes)];
    case 'gid_of':
    case 'uid_of':
      return [slot(operation.slot)];
    case 'ambient':
    case 'umask':
    case 'bounding':
      return [signed(operation.mask)];
    case 'pty':
      return [slot(operation.slot), slot(operation.into)];
    case 'relay': {
      const { slot: master, side, output } = operation;
      return [
        slot(master),
        slot(side),
        output === undefined ? 0xffffffff : slot(output),
        signed(operation.deathSignal),
      ];
    }
    case 'capset':
      return [signed(operation.effective), signed(operation.permitted), signed(operation.inheritable)];
    case 'seccomp_of':
      return [signed(operation.pid), signed(operation.milliseconds)];
    case 'seccomp':
      return [signed(operation.flags)];
    case 'exec': {
      const { file, search, shell, argv, env } = operation;
      return [hex(file), hex(search), hex(shell), argv.map(hex), env.map(hex)];
    }
  }
}

const text: fc.Arbitrary<KernelText> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.replaceAll('\0', '')),
  fc.uint8Array({ min: 1, maxLength: 200 }),
  fc.constant(''),
);
const line = fc.string({ unit: 'grapheme', maxLength: 30 }).map((value) => value.replaceAll('\0', ''));
const slot = fc.nat(40).map((index) => `slot ${index}`);
/** Of none of the others. */
const constantSlot = fc.constant('other side');
const int = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const id = fc.integer({ min: 0, max: 0xfffffffe });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const limit = fc.oneof(fc.constant(-1n), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }));
/** Without SIGKILL and SIGSTOP. */
const signals = unsigned.map((mask) => mask & ~(1n << 8n) & ~(1n << 18n));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('adopt' as const), fd: fc.nat(0x7fffffff), into: slot }),
  fc.record(
    { op: fc.constant('open' as const), dir: slot, path: text, flags: int, into: slot },
    { requiredKeys: ['op', 'path', 'flags', 'into'] },
  ),
  fc.record({
    op: fc.constantFrom(
      'close' as const,
      'chroot' as const,
      'chdir' as const,
      'gid_of' as const,
      'uid_of' as const,
      'detach' as const,
    ),
    slot,
  }),
  fc.record({ op: fc.constant('pidfd' as const), pid: fc.integer({ min: 1, max: 0x7fffffff }), into: slot }),
  fc.record({ op: fc.constant('getfd' as const), pidfd: slot, fd: fc.nat(0x7fffffff), into: slot }),
  fc.record({
    op: fc.constant('reach' as const),
    slot,
    question: fc.constantFrom(
      'SIOCGSKNS' as const,
      'TUNGETDEVNETNS' as const,
      'NS_GET_USERNS' as const,
      'NS_GET_PARENT' as const,
    ),
    into: slot,
  }),
  fc.record({
    op: fc.constant('handle' as const),
    type: int,
    handle: fc.uint8Array({ minLength: 1, maxLength: 128 }),
    mount: fc.integer({ min: -0x80000000, max: -1 }),
    into: slot,
  }),
  fc.record({ op: fc.constant('write' as const), slot, bytes: text }),
  fc.record({ op: fc.constantFrom('ambient' as const, 'bounding' as const), mask: unsigned }),
  fc.record({ op: fc.constant('umask' as const), mask: fc.nat(0o777) }),
  fc.record({ op: fc.constant('chown' as const), slot, uid: fc.nat(0x7fffffff) }),
  fc.record({ op: fc.constant('capset' as const), effective: unsigned, permitted: unsigned, inheritable: unsigned }),
  fc.record({
    op: fc.constant('seccomp_of' as const),
    pid: fc.integer({ min: 1, max: 0x7fffffff }),
    milliseconds: fc.integer({ min: 1, max: 60_000 }),
  }),
  fc.record({ op: fc.constant('seccomp' as const), flags: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ op: fc.constant('unshare' as const), kinds: fc.constantFrom(0x20000, 0x40000080) }),
  fc.record({ op: fc.constant('propagate' as const), path: text, type: fc.constantFrom(0x84000, 0x40000) }),
  fc.record({
    op: fc.constant('fsmount' as const),
    type: line,
    options: fc.array(text, { maxLength: 5 }),
    attributes: fc.nat(0xffff),
    into: slot,
  }),
  fc.record(
    { op: fc.constant('tree' as const), dir: slot, path: text, flags: fc.constantFrom(0, 0x9001), into: slot },
    { requiredKeys: ['op', 'path', 'flags', 'into'] },
  ),
  fc.record(
    { op: fc.constant('attach' as const), slot, dir: slot, path: text, flags: fc.constantFrom(0, 0x10) },
    { requiredKeys: ['op', 'slot', 'path', 'flags'] },
  ),
  fc.record({ op: fc.constant('mkdir' as const), dir: slot, path: text, mode: fc.nat(0o7777) }),
  fc.record({ op: fc.constant('symlink' as const), dir: slot, path: text, target: text }),
  fc.record({ op: fc.constant('wait' as const), slot }),
  fc.record({ op: fc.constant('rmdir' as const), dir: slot, path: text }),
  fc.record({ op: fc.constant('file' as const), dir: slot, path: text, mode: fc.nat(0o7777), bytes: text }),
  fc.record({
    op: fc.constantFrom('skip' as const, 'unless' as const),
    mark: fc.integer({ min: 1, max: 255 }),
    count: fc.nat(40),
  }),
  fc.record({ op: fc.constant('expect' as const), slot, device: unsigned, inode: unsigned }),
  fc.record({ op: fc.constant('setns' as const), slot, type: int }),
  fc.record({ op: fc.constant('setgroups' as const), gids: fc.array(id, { maxLength: 70 }) }),
  fc.record({ op: fc.constant('setgid' as const), gid: id }),
  fc.record({ op: fc.constant('setuid' as const), uid: id }),
  fc.record({ op: fc.constant('prctl' as const), option: int, args: fc.tuple(long, long, long, long) }),
  fc.record({ op: fc.constant('rlimit' as const), resource: int, soft: limit, hard: limit }),
  fc.record({ op: fc.constant('signals' as const), default: signals, blocked: unsigned }),
  fc.record({ op: fc.constant('fork' as const), deathSignal: fc.integer({ min: 0, max: 64 }) }),
  fc.record({ op: fc.constant('fork_into' as const), deathSignal: fc.integer({ min: 0, max: 64 }), slot }),
  fc.record({ op: fc.constant('pty' as const), slot, into: constantSlot }),
  fc.record(
    { op: fc.constant('relay' as const), slot, side: constantSlot, output: slot, deathSignal: fc.nat(64) },
    { requiredKeys: ['op', 'slot', 'side', 'deathSignal'] },
  ),
);

const exec: fc.Arbitrary<Operation> = fc.record({
  op: fc.constant('exec' as const),
  file: text,
  search: text,
  shell: text,
  argv: fc.array(text, { minLength: 1, maxLength: 20 }),
  env: fc.array(text, { maxLength: 20 }),
});

const explanations: fc.Arbitrary<readonly Explanation[]> = fc.array(
  fc.record({ errno: fc.nat(4095), status: fc.nat(255), text: line }),
  { maxLength: 4 },
);

const flags = fc.oneof(
  fc.record({ try: fc.boolean(), mark: fc.integer({ min: 1, max: 255 }), once: fc.boolean() }),
  fc.record({ try: fc.boolean() }),
);

const stepOf = (of: fc.Arbitrary<Operation>): fc.Arbitrary<Step> =>
  fc
    .tuple(fc.record({ operation: of, label: line, reason: line, explanations }), flags)
    .map(([fields, more]) => ({ ...fields, ...more }));

/** What may stand in a block. */
const late: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('close' as const), slot }),
  fc.record({ op: fc.constant('write' as const), slot, bytes: text }),
  fc.record({ op: fc.constantFrom('rmdir' as const, 'unlink' as const), dir: slot, path: text }),
  fc.record({ op: fc.constant('links' as const), slot, most: fc.nat(1000) }),
  fc.record({ op: fc.constant('holds' as const), dir: slot, path: text, bytes: text }),
  fc.record({ op: fc.constant('kill' as const), dir: slot, path: text, milliseconds: fc.nat(60_000) }),
  fc.record({
    op: fc.constant('spawn' as const),
    file: text,
    argv: fc.array(text, { minLength: 1, maxLength: 5 }),
    env: fc.array(text, { maxLength: 5 }),
  }),
);

const block = fc.array(stepOf(late), { maxLength: 5 });

const after: fc.Arbitrary<Operation> = fc.record({ op: fc.constant('after' as const), steps: block, otherwise: block });

const step = stepOf(fc.oneof({ weight: 20, arbitrary: operation }, { weight: 2, arbitrary: late }, after));

const lastStep: fc.Arbitrary<Step> = fc.record({ operation: exec, label: line, reason: line, explanations });

const programs: fc.Arbitrary<Program> = fc
  .record({ steps: fc.array(step, { maxLength: 30 }), last: lastStep, failureStatus: fc.nat(255), trace: fc.boolean() })
  .map(({ steps, last, failureStatus, trace }) => ({ steps: [...withinReach(steps), last], failureStatus, trace }));

/** The last step cannot be skipped, and there must be something to skip. */
function withinReach(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((each, index) => {
    if (each.operation.op !== 'skip' && each.operation.op !== 'unless') return [each];
    const left = steps
      .slice(index + 1)
      .filter(({ operation }) => operation.op !== 'skip' && operation.op !== 'unless').length;
    if (left === 0) return [];
    return [{ ...each, operation: { ...each.operation, count: 1 + (each.operation.count % left) } }];
  });
}

test('the encoding of any program decodes to it', () => {
  fc.assert(
    fc.property(programs, fc.option(fc.nat(1000), { nil: undefined }), (program, statusFd) => {
      const whole = statusFd === undefined ? program : { ...program, statusFd };
      const bytes = encodeProgram(whole);
      expect(decode(bytes)).toEqual(expected(whole, bytes.length));
    }),
    runs(500),
  );
});

test('a program larger than any buffer that the encoder begins with', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 5 }),
      lastStep,
      (lengths, last) => {
        if (last.operation.op !== 'exec') throw new Error('no exec');
        const argv = lengths.map((length) => new Uint8Array(length).fill(0x61));
        const program: Program = {
          steps: [{ ...last, operation: { ...last.operation, argv } }],
          failureStatus: 1,
          trace: false,
        };
        const bytes = encodeProgram(program);
        expect(decode(bytes)).toEqual(expected(program, bytes.length));
      },
    ),
    runs(30),
  );
});

test('a NUL inside a text is an error of the encoder: the kernel would cut there', () => {
  const last = (argv: readonly KernelText[]): Program => ({
    steps: [
      {
        operation: { op: 'exec', file: 'x', search: '', shell: '', argv, env: [] },
        label: '',
        reason: '',
        explanations: [],
      },
    ],
    failureStatus: 1,
    trace: false,
  });
  expect(() => encodeProgram(last(['a\0b']))).toThrow(RangeError);
  expect(() => encodeProgram(last([new Uint8Array([1, 0, 2])]))).toThrow(RangeError);
  expect(() => encodeProgram(last(['a']))).not.toThrow();
});

describe.skipIf(!existsSync(nsexec))('nsexec', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-program-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function run(bytes: Uint8Array): { readonly status: number | null; readonly stderr: Buffer } {
    const path = join(folder, 'program');
    writeFileSync(path, bytes);
    const fd = openSync(path, 'r');
    try {
      const { status, stderr } = spawnSync(nsexec, ['3'], { stdio: ['ignore', 'ignore', 'pipe', fd] });
      return { status, stderr };
    } finally {
      closeSync(fd);
    }
  }

  /** Fails before anything else is done: using an empty slot is EBADF. So that it is reached, all was understood. */
  const stop: Step = { operation: { op: 'close', slot: 'empty' }, label: 'stop here', reason: '', explanations: [] };

  test('takes every program that the encoder makes', () => {
    fc.assert(
      fc.property(programs, fc.boolean(), (program, isReported) => {
        const stopped = { ...program, trace: false, steps: [stop, ...program.steps] };
        const { status, stderr } = run(encodeProgram(isReported ? { ...stopped, statusFd: 2 } : stopped));
        expect(status).toBe(program.failureStatus);
        if (isReported) expect([...stderr]).toEqual([0, 0, 0, 0, 9, 0, 0, 0]);
        else expect(stderr.toString()).toBe('nstool: step 1: stop here: Bad file descriptor (EBADF)\n');
      }),
      runs(200),
    );
  });

  test('refuses what was changed by one byte or is cut off, or does as little, but never crashes', () => {
    fc.assert(
      fc.property(
        programs,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (program, where, change, isCut) => {
          const bytes = encodeProgram({ ...program, trace: false, steps: [stop, ...program.steps] });
          const at = where % bytes.length;
          // Within the first step a change could make it succeed, and what follows would be carried out.
          fc.pre(isCut || at < 28 || at >= 28 + 8 + 4);
          const broken = isCut
            ? bytes.subarray(0, at)
            : bytes.map((byte, index) => (index === at ? byte ^ change : byte));
          const { status, stderr } = run(broken);
          expect(status).not.toBe(null);
          if (isCut) {
            expect(status).toBe(125);
            expect(stderr.toString()).toMatch(/^nsexec: bad program at byte \d+: /);
          }
        },
      ),
      runs(200),
    );
  });
});
