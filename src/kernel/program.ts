// What nsexec carries out: operations as data, and their encoding into bytes. native/protocol.md is the specification
// of the bytes and of what each operation does; this page is its other side.

/** A text for the kernel: a string is encoded as UTF-8, bytes stay as they are. No NUL inside. */
export type KernelText = string | Uint8Array;

/** The name of a slot that holds a descriptor. The encoder gives it its number. */
export type Slot = string;

export type Operation =
  | { readonly op: 'adopt'; readonly fd: number; readonly into: Slot }
  | {
      readonly op: 'open';
      /** The slot of the directory that a relative path starts from; absent: the working directory. */
      readonly dir?: Slot;
      readonly path: KernelText;
      readonly flags: number;
      readonly into: Slot;
    }
  | { readonly op: 'close'; readonly slot: Slot }
  /** ESTALE unless the descriptor's inode (and device, unless 0) is this one. */
  | { readonly op: 'expect'; readonly slot: Slot; readonly device: bigint; readonly inode: bigint }
  | { readonly op: 'setns'; readonly slot: Slot; readonly type: number }
  /** When the mark is set, so many of the next steps are not carried out. */
  | { readonly op: 'skip'; readonly mark: number; readonly count: number }
  | { readonly op: 'pidfd'; readonly pid: number; readonly into: Slot }
  /** A copy of another process's descriptor. */
  | { readonly op: 'getfd'; readonly pidfd: Slot; readonly fd: number; readonly into: Slot }
  /** The namespace that an ioctl leads to. */
  | { readonly op: 'reach'; readonly slot: Slot; readonly question: keyof typeof REACHING; readonly into: Slot }
  /** By a file handle; `mount` is one of the kernel's negative numbers for a file system. */
  | {
      readonly op: 'handle';
      readonly type: number;
      readonly handle: Uint8Array;
      readonly mount: number;
      readonly into: Slot;
    }
  | { readonly op: 'write'; readonly slot: Slot; readonly bytes: KernelText }
  /** When the mark is not set, so many of the next steps are not carried out. */
  | { readonly op: 'unless'; readonly mark: number; readonly count: number }
  /** CLONE_NEW*, or-ed. */
  | { readonly op: 'unshare'; readonly kinds: number }
  /** How the mount at `path` hears of others: MS_SLAVE and its kin. */
  | { readonly op: 'propagate'; readonly path: KernelText; readonly type: number }
  /** A new mount that is nowhere yet; options are `key` or `key=value`. Since: Linux 5.2, as the next two. */
  | {
      readonly op: 'fsmount';
      readonly type: string;
      readonly options: readonly KernelText[];
      readonly attributes: number;
      readonly into: Slot;
    }
  /** With OPEN_TREE_CLONE a copy of the mount there, that is nowhere yet. */
  | {
      readonly op: 'tree';
      readonly dir?: Slot;
      readonly path: KernelText;
      readonly flags: number;
      readonly into: Slot;
    }
  | {
      readonly op: 'attach';
      readonly slot: Slot;
      readonly dir?: Slot;
      readonly path: KernelText;
      readonly flags: number;
    }
  /** The mount whose root is in the slot. */
  | { readonly op: 'detach'; readonly slot: Slot }
  | { readonly op: 'mkdir'; readonly dir: Slot; readonly path: KernelText; readonly mode: number }
  | { readonly op: 'symlink'; readonly dir: Slot; readonly path: KernelText; readonly target: KernelText }
  /** A new file. */
  | {
      readonly op: 'file';
      readonly dir: Slot;
      readonly path: KernelText;
      readonly mode: number;
      readonly bytes: KernelText;
    }
  /** For a byte; EPIPE when nobody is left who could write one. */
  | { readonly op: 'wait'; readonly slot: Slot }
  | { readonly op: 'rmdir'; readonly dir: Slot; readonly path: KernelText }
  /** The clean-up, when the child of the next fork or relay has ended; `otherwise` if one of its steps failed. */
  | { readonly op: 'after'; readonly steps: readonly Step[]; readonly otherwise: readonly Step[] }
  /** ESTALE unless the bytes are in the file, among its first 4096. */
  | { readonly op: 'holds'; readonly dir: Slot; readonly path: KernelText; readonly bytes: KernelText }
  /** SIGKILL for all processes that the file lists, until it is empty. */
  | { readonly op: 'kill'; readonly dir: Slot; readonly path: KernelText; readonly milliseconds: number }
  /** Another command, and its end. */
  | {
      readonly op: 'spawn';
      readonly file: KernelText;
      readonly argv: readonly KernelText[];
      readonly env: readonly KernelText[];
    }
  | { readonly op: 'unlink'; readonly dir: Slot; readonly path: KernelText }
  /** ENOTEMPTY where it has more: a directory of the kernel's has two, and one for each directory in it. */
  | { readonly op: 'links'; readonly slot: Slot; readonly most: number }
  | { readonly op: 'chroot'; readonly slot: Slot }
  | { readonly op: 'chdir'; readonly slot: Slot }
  | { readonly op: 'setgroups'; readonly gids: readonly number[] }
  | { readonly op: 'setgid'; readonly gid: number }
  | { readonly op: 'setuid'; readonly uid: number }
  /** To the group, or the owner, of a file, as it is called in the user namespace that was entered. */
  | { readonly op: 'gid_of'; readonly slot: Slot }
  | { readonly op: 'uid_of'; readonly slot: Slot }
  /** The file in the slot gets this owner; its group stays. */
  | { readonly op: 'chown'; readonly slot: Slot; readonly uid: number }
  /** What is permitted of the mask becomes inheritable and ambient. Bit n is capability n. */
  | { readonly op: 'ambient'; readonly mask: bigint }
  | { readonly op: 'umask'; readonly mask: number }
  /** Of the first two only what is permitted already. */
  | { readonly op: 'capset'; readonly effective: bigint; readonly permitted: bigint; readonly inheritable: bigint }
  /** What is not in the mask is dropped from the bounding set. */
  | { readonly op: 'bounding'; readonly mask: bigint }
  /** Reads the filters of a thread, which is stopped meanwhile, for `seccomp`. */
  | { readonly op: 'seccomp_of'; readonly pid: number; readonly milliseconds: number }
  | { readonly op: 'seccomp'; readonly flags: number }
  | {
      readonly op: 'prctl';
      readonly option: number;
      readonly args: readonly [bigint, bigint, bigint, bigint];
    }
  | { readonly op: 'rlimit'; readonly resource: number; readonly soft: bigint; readonly hard: bigint }
  /** Bit n-1 is signal n. */
  | { readonly op: 'signals'; readonly default: bigint; readonly blocked: bigint }
  /** The child goes on; the parent waits and passes status and signals on. */
  | { readonly op: 'fork'; readonly deathSignal: number }
  /** The child begins in the cgroup of v2 whose directory is in the slot. Since: Linux 5.7. */
  | { readonly op: 'fork_into'; readonly deathSignal: number; readonly slot: Slot }
  /** The other side of the terminal whose first side is the file behind /dev/ptmx. */
  | { readonly op: 'pty'; readonly slot: Slot; readonly into: Slot }
  /** As fork; the child gets the other side as its terminal and its streams, the parent stands between it and ours. */
  | {
      readonly op: 'relay';
      readonly slot: Slot;
      readonly side: Slot;
      /** Where the output goes; absent, or empty: standard output. */
      readonly output?: Slot;
      readonly deathSignal: number;
    }
  | {
      readonly op: 'exec';
      readonly file: KernelText;
      /** Directories separated by colons, for a file without a slash. */
      readonly search: KernelText;
      /** What runs a script that has no `#!` line; empty: nothing does. */
      readonly shell: KernelText;
      readonly argv: readonly KernelText[];
      readonly env: readonly KernelText[];
    };

/** The ioctls of `reach`. Source: linux/sockios.h, linux/if_tun.h, linux/nsfs.h. */
export const REACHING = {
  SIOCGSKNS: 0x894c,
  TUNGETDEVNETNS: 0x54e3,
  NS_GET_USERNS: 0xb701,
  NS_GET_PARENT: 0xb702,
} as const;

/** What nsexec says, and with which status it ends, when a step fails with this errno (0: any other). */
export interface Explanation {
  readonly errno: number;
  readonly status: number;
  /** Whole lines, as they go to standard error. */
  readonly text: string;
}

export interface Step {
  readonly operation: Operation;
  /** What it is, in one line. */
  readonly label: string;
  /** Why it is done, and why here. */
  readonly reason: string;
  /** A failure is not the end. */
  readonly try?: boolean;
  /** The number that success sets, from 1 to 255. */
  readonly mark?: number;
  /** Skip when the mark is set. */
  readonly once?: boolean;
  readonly explanations: readonly Explanation[];
}

export interface Program {
  readonly steps: readonly Step[];
  /** The exit status of a failure that has no explanation. */
  readonly failureStatus: number;
  /** Write each step's label as it happens. */
  readonly trace: boolean;
  /** Where a failure is written as two numbers instead of text. */
  readonly statusFd?: number;
}

type Field =
  | readonly ['number', bigint]
  | readonly ['string', KernelText]
  | readonly ['blob', Uint8Array]
  | readonly ['list', readonly KernelText[]]
  | readonly ['block', readonly Step[]]
  | readonly ['slot', Slot | undefined];

const MAGIC = 'NSXP';
const VERSION = 1;
const HEADER_LENGTH = 28;
const OPERATION_HEADER_LENGTH = 8;
const FLAG_TRACE = 1;
const FLAG_TRY = 1;
const FLAG_ONCE = 2;
const NO_SLOT = 0xffffffff;

const encoder = new TextEncoder();

/** The codes of operations that have a slot and nothing else. */
const SLOT_ONLY = { close: 3, chroot: 6, chdir: 7, gid_of: 22, uid_of: 23, wait: 50 } as const;

/** And of those that have a mask and nothing else. */
const MASK_ONLY = { ambient: 24, umask: 27, bounding: 29 } as const;

/** The code and the fields of an operation, in the order of the table in native/protocol.md. */
function describe(operation: Operation): { code: number; fields: readonly Field[] } {
  if (isOfCleanUp(operation)) return { code: CLEAN_UP_CODES[operation.op], fields: fieldsOfCleanUp(operation) };
  if (isOnMounts(operation)) return { code: MOUNT_CODES[operation.op], fields: fieldsOnMounts(operation) };
  return describeCommon(operation);
}

function describeCommon(operation: Exclude<Operation, CleanUpOperation | MountOperation>): ReturnType<typeof describe> {
  const number = (value: number | bigint): Field => ['number', BigInt(value)];
  switch (operation.op) {
    case 'adopt':
      return { code: 1, fields: [number(operation.fd), ['slot', operation.into]] };
    case 'open': {
      const { dir, path, flags, into } = operation;
      // The mode is for O_CREAT, which no program uses yet.
      return { code: 2, fields: [['slot', dir], ['string', path], number(flags), number(0), ['slot', into]] };
    }
    case 'close':
    case 'chroot':
    case 'chdir':
    case 'gid_of':
    case 'uid_of':
    case 'wait':
      return { code: SLOT_ONLY[operation.op], fields: [['slot', operation.slot]] };
    case 'expect':
      return { code: 4, fields: [['slot', operation.slot], number(operation.device), number(operation.inode)] };
    case 'setns':
      return { code: 5, fields: [['slot', operation.slot], number(operation.type)] };
    case 'setgroups':
      return { code: 8, fields: [['blob', encodeIds(operation.gids)]] };
    case 'setgid':
      return { code: 9, fields: [number(operation.gid)] };
    case 'setuid':
      return { code: 10, fields: [number(operation.uid)] };
    case 'prctl':
      return { code: 11, fields: [number(operation.option), ...operation.args.map(number)] };
    case 'rlimit':
      return { code: 12, fields: [number(operation.resource), number(operation.soft), number(operation.hard)] };
    case 'signals':
      return { code: 13, fields: [number(operation.default), number(operation.blocked)] };
    case 'fork':
      return { code: 14, fields: [number(operation.deathSignal)] };
    case 'pty':
    case 'relay':
      return describeTerminal(operation);
    case 'skip':
      return { code: 16, fields: [number(operation.mark), number(operation.count)] };
    case 'pidfd':
      return { code: 17, fields: [number(operation.pid), ['slot', operation.into]] };
    case 'getfd':
      return { code: 18, fields: [['slot', operation.pidfd], number(operation.fd), ['slot', operation.into]] };
    case 'reach': {
      const { slot, question, into } = operation;
      return { code: 19, fields: [['slot', slot], number(REACHING[question]), ['slot', into]] };
    }
    case 'handle': {
      const { type, handle, mount, into } = operation;
      return { code: 20, fields: [number(type), ['blob', handle], number(mount), ['slot', into]] };
    }
    case 'write': {
      const blob: Field = ['blob', bytesOf(operation.bytes)];
      return { code: 21, fields: [['slot', operation.slot], blob] };
    }
    case 'ambient':
    case 'umask':
    case 'bounding':
      return { code: MASK_ONLY[operation.op], fields: [number(operation.mask)] };
    case 'capset':
      return { code: 28, fields: [operation.effective, operation.permitted, operation.inheritable].map(number) };
    case 'seccomp_of':
      return { code: 30, fields: [number(operation.pid), number(operation.milliseconds)] };
    case 'seccomp':
      return { code: 31, fields: [number(operation.flags)] };
    case 'exec':
      return { code: 15, fields: fieldsOfExec(operation) };
  }
}

function fieldsOfExec({ file, search, shell, argv, env }: Extract<Operation, { op: 'exec' }>): readonly Field[] {
  return [
    ['string', file],
    ['string', search],
    ['string', shell],
    ['list', argv],
    ['list', env],
  ];
}

function describeTerminal(operation: Extract<Operation, { op: 'pty' | 'relay' }>): ReturnType<typeof describe> {
  const slot: Field = ['slot', operation.slot];
  if (operation.op === 'pty') return { code: 25, fields: [slot, ['slot', operation.into]] };
  const { side, output, deathSignal } = operation;
  return { code: 26, fields: [slot, ['slot', side], ['slot', output], ['number', BigInt(deathSignal)]] };
}

/** The codes of operations on mounts and on what is in them. */
const MOUNT_CODES = {
  chown: 32,
  unless: 40,
  unshare: 41,
  propagate: 42,
  fsmount: 43,
  tree: 44,
  attach: 45,
  detach: 46,
  mkdir: 47,
  symlink: 48,
  file: 49,
  rmdir: 51,
} as const;

type MountOperation = Extract<Operation, { readonly op: keyof typeof MOUNT_CODES }>;

function isOnMounts(operation: Operation): operation is MountOperation {
  return Object.hasOwn(MOUNT_CODES, operation.op);
}

function fieldsOnMounts(operation: MountOperation): readonly Field[] {
  const number = (value: number): Field => ['number', BigInt(value)];
  switch (operation.op) {
    case 'chown':
      return [['slot', operation.slot], number(operation.uid)];
    case 'unless':
      return [number(operation.mark), number(operation.count)];
    case 'unshare':
      return [number(operation.kinds)];
    case 'propagate':
      return [['string', operation.path], number(operation.type)];
    case 'fsmount':
      return [
        ['string', operation.type],
        ['list', operation.options],
        number(operation.attributes),
        ['slot', operation.into],
      ];
    case 'tree':
      return [['slot', operation.dir], ['string', operation.path], number(operation.flags), ['slot', operation.into]];
    case 'attach':
      return [['slot', operation.slot], ['slot', operation.dir], ['string', operation.path], number(operation.flags)];
    case 'detach':
      return [['slot', operation.slot]];
    case 'mkdir':
      return [['slot', operation.dir], ['string', operation.path], number(operation.mode)];
    case 'rmdir':
      return [
        ['slot', operation.dir],
        ['string', operation.path],
      ];
    case 'symlink':
      return [
        ['slot', operation.dir],
        ['string', operation.path],
        ['string', operation.target],
      ];
    case 'file':
      return [
        ['slot', operation.dir],
        ['string', operation.path],
        number(operation.mode),
        ['blob', bytesOf(operation.bytes)],
      ];
  }
}

/** The codes of a clean-up and of what is mostly done in one. */
const CLEAN_UP_CODES = { after: 52, holds: 53, kill: 54, spawn: 55, unlink: 56, links: 57, fork_into: 58 } as const;

type CleanUpOperation = Extract<Operation, { readonly op: keyof typeof CLEAN_UP_CODES }>;

function isOfCleanUp(operation: Operation): operation is CleanUpOperation {
  return Object.hasOwn(CLEAN_UP_CODES, operation.op);
}

function fieldsOfCleanUp(operation: CleanUpOperation): readonly Field[] {
  const inDirectory = ({ dir, path }: { readonly dir: Slot; readonly path: KernelText }): readonly Field[] => [
    ['slot', dir],
    ['string', path],
  ];
  switch (operation.op) {
    case 'after':
      return [
        ['block', operation.steps],
        ['block', operation.otherwise],
      ];
    case 'holds':
      return [...inDirectory(operation), ['blob', bytesOf(operation.bytes)]];
    case 'kill':
      return [...inDirectory(operation), ['number', BigInt(operation.milliseconds)]];
    case 'spawn':
      return [
        ['string', operation.file],
        ['list', operation.argv],
        ['list', operation.env],
      ];
    case 'unlink':
      return inDirectory(operation);
    case 'fork_into':
      return [
        ['number', BigInt(operation.deathSignal)],
        ['slot', operation.slot],
      ];
    case 'links':
      return [
        ['slot', operation.slot],
        ['number', BigInt(operation.most)],
      ];
  }
}

function bytesOf(text: KernelText): Uint8Array {
  return typeof text === 'string' ? encoder.encode(text) : text;
}

function encodeIds(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, id] of ids.entries()) view.setUint32(index * 4, id, true);
  return bytes;
}

/** A growing byte string, little-endian. */
class Writer {
  private bytes = new Uint8Array(4096);
  private view = new DataView(this.bytes.buffer);
  length = 0;

  /** May replace the buffer: nothing may hold on to it across this call. */
  private reserve(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return start;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.reserve(8);
    this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  string(text: KernelText): void {
    const bytes = bytesOf(text);
    if (bytes.includes(0)) throw new RangeError('a text for the kernel has a NUL inside');
    this.u32(bytes.length);
    this.raw(bytes);
    this.u8(0);
  }

  patchU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }

  done(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Errors: RangeError for a text with a NUL inside, which no kernel call can take. */
export function encodeProgram(program: Program): Uint8Array {
  const slots = new Map<Slot, number>();
  const out = new Writer();
  out.raw(encoder.encode(MAGIC));
  out.u16(VERSION);
  out.u16(program.trace ? FLAG_TRACE : 0);
  const sizeAt = out.length;
  out.u32(0);
  out.u32(program.steps.length);
  const slotsAt = out.length;
  out.u32(0);
  out.u32(program.failureStatus);
  out.u32(program.statusFd === undefined ? 0xffffffff : program.statusFd);
  if (out.length !== HEADER_LENGTH) throw new Error('the header of a program has another length');
  for (const step of program.steps) encodeStep(out, step, slots);
  out.patchU32(sizeAt, out.length);
  out.patchU32(slotsAt, slots.size);
  return out.done();
}

function encodeStep(out: Writer, step: Step, slots: Map<Slot, number>): void {
  const { code, fields } = describe(step.operation);
  const start = out.length;
  out.u16(code);
  out.u8((step.try === true ? FLAG_TRY : 0) | (step.once === true ? FLAG_ONCE : 0));
  out.u8(step.mark ?? 0);
  out.u32(OPERATION_HEADER_LENGTH);
  for (const field of fields) encodeField(out, field, slots);
  out.string(step.label);
  out.u32(step.explanations.length);
  for (const explanation of step.explanations) {
    out.u32(explanation.errno);
    out.u32(explanation.status);
    out.string(explanation.text);
  }
  out.patchU32(start + 4, out.length - start);
}

function encodeField(out: Writer, field: Field, slots: Map<Slot, number>): void {
  switch (field[0]) {
    case 'number':
      return out.u64(field[1]);
    case 'string':
      return out.string(field[1]);
    case 'blob':
      out.u32(field[1].length);
      return out.raw(field[1]);
    case 'list':
      out.u32(field[1].length);
      for (const text of field[1]) out.string(text);
      return;
    case 'block':
      out.u32(field[1].length);
      for (const step of field[1]) encodeStep(out, step, slots);
      return;
    case 'slot':
      return out.u32(field[1] === undefined ? NO_SLOT : slotNumber(slots, field[1]));
  }
}

function slotNumber(slots: Map<Slot, number>, slot: Slot): number {
  const known = slots.get(slot);
  if (known !== undefined) return known;
  const next = slots.size;
  slots.set(slot, next);
  return next;
}
