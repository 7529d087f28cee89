// A program as JSON, to be read and edited by people: numbers of 64 bits are strings, as most tools would round them;
// what is no UTF-8 is {"hex": "..."}. One table says which fields an operation has, for both ways.

import { NsError } from './error.ts';
import { REACHING, type Explanation, type Operation, type Program, type Step } from './program.ts';

/** What JSON.parse gives, and takes. */
type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

type FieldType =
  'int' | 'long' | 'longs' | 'slot' | 'slot?' | 'text' | 'texts' | 'bytes' | 'ids' | 'question' | 'steps';

const FIELDS: Record<Operation['op'], Readonly<Record<string, FieldType>>> = {
  adopt: { fd: 'int', into: 'slot' },
  open: { dir: 'slot?', path: 'text', flags: 'int', into: 'slot' },
  close: { slot: 'slot' },
  expect: { slot: 'slot', device: 'long', inode: 'long' },
  setns: { slot: 'slot', type: 'int' },
  skip: { mark: 'int', count: 'int' },
  pidfd: { pid: 'int', into: 'slot' },
  getfd: { pidfd: 'slot', fd: 'int', into: 'slot' },
  reach: { slot: 'slot', question: 'question', into: 'slot' },
  handle: { type: 'int', handle: 'bytes', mount: 'int', into: 'slot' },
  write: { slot: 'slot', bytes: 'text' },
  unless: { mark: 'int', count: 'int' },
  unshare: { kinds: 'int' },
  propagate: { path: 'text', type: 'int' },
  fsmount: { type: 'text', options: 'texts', attributes: 'int', into: 'slot' },
  tree: { dir: 'slot?', path: 'text', flags: 'int', into: 'slot' },
  attach: { slot: 'slot', dir: 'slot?', path: 'text', flags: 'int' },
  detach: { slot: 'slot' },
  mkdir: { dir: 'slot', path: 'text', mode: 'int' },
  symlink: { dir: 'slot', path: 'text', target: 'text' },
  file: { dir: 'slot', path: 'text', mode: 'int', bytes: 'text' },
  wait: { slot: 'slot' },
  rmdir: { dir: 'slot', path: 'text' },
  after: { steps: 'steps', otherwise: 'steps' },
  holds: { dir: 'slot', path: 'text', bytes: 'text' },
  kill: { dir: 'slot', path: 'text', milliseconds: 'int' },
  spawn: { file: 'text', argv: 'texts', env: 'texts' },
  unlink: { dir: 'slot', path: 'text' },
  links: { slot: 'slot', most: 'int' },
  chroot: { slot: 'slot' },
  chdir: { slot: 'slot' },
  setgroups: { gids: 'ids' },
  setgid: { gid: 'int' },
  setuid: { uid: 'int' },
  gid_of: { slot: 'slot' },
  uid_of: { slot: 'slot' },
  chown: { slot: 'slot', uid: 'int' },
  ambient: { mask: 'long' },
  umask: { mask: 'int' },
  capset: { effective: 'long', permitted: 'long', inheritable: 'long' },
  bounding: { mask: 'long' },
  seccomp_of: { pid: 'int', milliseconds: 'int' },
  seccomp: { flags: 'int' },
  prctl: { option: 'int', args: 'longs' },
  rlimit: { resource: 'int', soft: 'long', hard: 'long' },
  signals: { default: 'long', blocked: 'long' },
  fork: { deathSignal: 'int' },
  fork_into: { deathSignal: 'int', slot: 'slot' },
  pty: { slot: 'slot', into: 'slot' },
  relay: { slot: 'slot', side: 'slot', output: 'slot?', deathSignal: 'int' },
  exec: { file: 'text', search: 'text', shell: 'text', argv: 'texts', env: 'texts' },
};

const LARGEST_MARK = 255;
const LARGEST_LONG = 2n ** 64n - 1n;
const SMALLEST_LONG = -(2n ** 63n);
const PRCTL_ARGUMENTS = 4;

export function programToJson({ steps, failureStatus, trace }: Program): { readonly [key: string]: Plain } {
  return { failure_status: failureStatus, trace, steps: steps.map((step) => stepToJson(step)) };
}

function stepToJson({ operation, label, reason, explanations, ...more }: Step): Plain {
  const fields =
    operation.op === 'after'
      ? Object.entries({ steps: operation.steps.map(stepToJson), otherwise: operation.otherwise.map(stepToJson) })
      : Object.entries(operation).map(([key, value]) => [key === 'deathSignal' ? DEATH : key, plain(value)]);
  return {
    label,
    reason,
    operation: { ...nothing(operation), ...Object.fromEntries(fields) },
    try: more.try === true,
    mark: more.mark ?? null,
    once: more.once === true,
    explanations: explanations.map(({ errno, status, text }) => ({ errno, status, text })),
  };
}

/** What is not there is null. */
function nothing({ op }: Operation): Record<string, Plain> {
  if (op === 'open') return { op, dir: null };
  return op === 'relay' ? { op, output: null } : { op };
}

const DEATH = 'death_signal';

function plain(value: unknown): Plain {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return textOrHex(value);
  if (Array.isArray(value)) return value.map((entry) => plain(entry));
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function textOrHex(bytes: Uint8Array): Plain {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { hex: [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
  }
}

/** The text of a file, as `--dry-run --json` printed it. Errors: BAD_VALUE, naming the place. */
export function programFromJson(text: string): Program {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch (error) {
    throw bad('the file', error instanceof Error ? error.message : 'no JSON');
  }
  const program = objectAt(objectAt(whole, 'the file')['program'], 'program');
  return {
    failureStatus: intAt(program['failure_status'], 'failure_status', 0, 255),
    trace: boolAt(program['trace'], 'trace'),
    steps: listAt(program['steps'], 'steps').map((step, index) => stepAt(step, `steps[${index}]`)),
  };
}

function stepAt(value: unknown, at: string): Step {
  const step = objectAt(value, at);
  const mark = step['mark'] ?? null;
  return {
    label: withoutNul(stringAt(step['label'], `${at}.label`), `${at}.label`),
    reason: stringAt(step['reason'] ?? '', `${at}.reason`),
    operation: operationAt(step['operation'], `${at}.operation`),
    ...(boolAt(step['try'] ?? false, `${at}.try`) ? { try: true } : {}),
    ...(mark === null ? {} : { mark: intAt(mark, `${at}.mark`, 1, LARGEST_MARK) }),
    ...(boolAt(step['once'] ?? false, `${at}.once`) ? { once: true } : {}),
    explanations: listAt(step['explanations'] ?? [], `${at}.explanations`).map((each, index) =>
      explanationAt(each, `${at}.explanations[${index}]`),
    ),
  };
}

function explanationAt(value: unknown, at: string): Explanation {
  const { errno, status, text } = objectAt(value, at);
  return {
    errno: intAt(errno, `${at}.errno`, 0, 0xffff),
    status: intAt(status, `${at}.status`, 0, 255),
    text: withoutNul(stringAt(text, `${at}.text`), `${at}.text`),
  };
}

function operationAt(value: unknown, at: string): Operation {
  const given = objectAt(value, at);
  const op = stringAt(given['op'], `${at}.op`);
  if (!isOperationName(op)) throw bad(`${at}.op`, `there is no operation '${op}'`);
  const types = FIELDS[op];
  const made: Record<string, unknown> = { op };
  for (const [key, type] of Object.entries(types)) {
    const name = key === 'deathSignal' ? DEATH : key;
    const field = fieldAt(given[name], type, `${at}.${name}`);
    if (field !== undefined) made[key] = field;
  }
  const known = new Set(['op', ...Object.keys(types).map((key) => (key === 'deathSignal' ? DEATH : key))]);
  const stray = Object.keys(given).find((key) => !known.has(key));
  if (stray !== undefined) throw bad(`${at}.${stray}`, `${op} has no such field`);
  if (!isOperation(made, types)) throw bad(at, 'a field is missing');
  return made;
}

function isOperationName(op: string): op is Operation['op'] {
  return Object.hasOwn(FIELDS, op);
}

/** The table has exactly the fields of the type, and the type of each was looked at. */
function isOperation(made: object, types: Readonly<Record<string, FieldType>>): made is Operation {
  return Object.entries(types).every(([key, type]) => type === 'slot?' || Object.hasOwn(made, key));
}

function fieldAt(value: unknown, type: FieldType, at: string): unknown {
  switch (type) {
    case 'int':
      return intAt(value, at, -0x80000000, 0xffffffff);
    case 'long':
      return longAt(value, at);
    case 'longs': {
      const list = listAt(value, at);
      if (list.length !== PRCTL_ARGUMENTS) throw bad(at, `there must be ${PRCTL_ARGUMENTS}`);
      return list.map((entry, index) => longAt(entry, `${at}[${index}]`));
    }
    case 'slot?':
      return value === undefined || value === null ? undefined : stringAt(value, at);
    case 'slot':
      return stringAt(value, at);
    case 'text':
      return textAt(value, at);
    case 'bytes':
      return encoded(textAt(value, at));
    case 'texts':
      return listAt(value, at).map((entry, index) => textAt(entry, `${at}[${index}]`));
    case 'ids':
      return listAt(value, at).map((entry, index) => intAt(entry, `${at}[${index}]`, 0, 0xfffffffe));
    case 'steps':
      return listAt(value, at).map((entry, index) => stepAt(entry, `${at}[${index}]`));
    case 'question': {
      const question = stringAt(value, at);
      if (!Object.hasOwn(REACHING, question)) throw bad(at, `it is one of ${Object.keys(REACHING).join(', ')}`);
      return question;
    }
  }
}

function encoded(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

function textAt(value: unknown, at: string): string | Uint8Array {
  if (typeof value === 'string') return withoutNul(value, at);
  const hex = stringAt(objectAt(value, at)['hex'], `${at}.hex`);
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) throw bad(`${at}.hex`, 'pairs of hexadecimal digits are expected');
  return new Uint8Array((hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
}

function withoutNul(text: string, at: string): string {
  if (text.includes('\0')) throw bad(at, 'a NUL character would end it');
  return text;
}

function longAt(value: unknown, at: string): bigint {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !/^(?:-?[0-9]{1,20}|0x[0-9a-f]{1,16})$/i.test(text))
    throw bad(at, 'a number of 64 bits is expected, as a string');
  const number = BigInt(text);
  if (number > LARGEST_LONG || number < SMALLEST_LONG) throw bad(at, 'it has more than 64 bits');
  return number;
}

function intAt(value: unknown, at: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw bad(at, `a number from ${least} to ${most} is expected`);
}

function boolAt(value: unknown, at: string): boolean {
  if (typeof value === 'boolean') return value;
  throw bad(at, 'true or false is expected');
}

function stringAt(value: unknown, at: string): string {
  if (typeof value === 'string') return value;
  throw bad(at, 'a string is expected');
}

function listAt(value: unknown, at: string): readonly unknown[] {
  if (isList(value)) return value;
  throw bad(at, 'a list is expected');
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function objectAt(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw bad(at, 'an object is expected');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(at: string, why: string): NsError {
  return new NsError('BAD_VALUE', {
    what: `no program: ${at}`,
    why,
    tryThis: 'nstool enter TARGET --dry-run --json COMMAND prints one',
  });
}
