// What is said of a command in a namespace: its output between two lines as text, or one object of JSON.

import { signalName } from '../../kernel/abi/signals.ts';
import type { NamespaceRow } from '../../namespaces/rows.ts';
import { escapeControls } from '../../render/escape.ts';
import type { Json } from '../../render/json.ts';
import type { Streaming } from '../define-command.ts';
import type { Run, RunEnd } from './each-run.ts';

/** Names come from containers, too. */
const LONGEST_NAME = 255;

/** `net:4026532177` */
export function namespaceOf({ type, ns }: NamespaceRow): string {
  return `${type}:${ns}`;
}

/** Harmless on a terminal and in the environment; empty: it has none. */
export function nameOf({ name }: NamespaceRow): string {
  return escapeControls((name ?? '').slice(0, LONGEST_NAME));
}

const NEWLINE = 0x0a;

/** Shows it while it runs. */
export async function showRun(run: Run, { emit, talk }: Streaming): Promise<void> {
  await emit(`== ${[namespaceOf(run.row), nameOf(run.row)].filter(Boolean).join(' ')} ==\n`);
  let isLineOpen = false;
  for await (const { fd, bytes } of run.printed()) {
    await (fd === 1 ? emit(bytes) : talk(bytes));
    if (fd === 1) isLineOpen = bytes.at(-1) !== NEWLINE;
  }
  if (run.isDropped) return;
  const { error } = run.ended;
  if (isLineOpen) await emit('\n');
  if (error !== null) await talk(error);
  if (!isGood(run.ended)) await emit(`== ${endText(run.ended)} ==\n`);
}

export function isGood({ status }: RunEnd): boolean {
  return status === 0;
}

function endText({ status, signal }: RunEnd): string {
  if (signal === null) return `status ${status}`;
  const name = signalName(signal);
  return `signal ${name}`;
}

/** So much of each stream is in the JSON. */
const LARGEST_OUTPUT = 1024 * 1024;

/** So much of all of them is: the text of an answer has to fit into the memory of whoever reads it. */
const LARGEST_ANSWER = 128 * 1024 * 1024;

/** Output as it comes, up to the limits. */
export class Collector {
  private room = LARGEST_ANSWER;

  async collect(run: Run): Promise<Json> {
    const outputs = { 1: new Output(), 2: new Output() };
    for await (const { fd, bytes } of run.printed()) this.room -= outputs[fd].add(bytes, this.room);
    if (run.isDropped) return null;
    const { ns, type, name } = run.row;
    const { status, signal, error } = run.ended;
    return {
      ns,
      type,
      name,
      status,
      signal: signal === null ? null : signalName(signal),
      error: error?.trimEnd() ?? null,
      ...outputs[1].json('stdout'),
      ...outputs[2].json('stderr'),
    };
  }
}

class Output {
  private readonly parts: Uint8Array[] = [];
  private length = 0;
  private cut = 0;

  /** How much was taken. */
  add(bytes: Uint8Array, room: number): number {
    const taken = this.cut > 0 ? 0 : Math.min(bytes.length, room, LARGEST_OUTPUT - this.length);
    this.parts.push(bytes.subarray(0, taken));
    this.length += taken;
    this.cut += bytes.length - taken;
    return taken;
  }

  json(key: string): { readonly [key: string]: Json } {
    const bytes = Buffer.concat(this.parts);
    const text = bytes.toString('utf8');
    const isText = Buffer.from(text, 'utf8').equals(bytes);
    return { [key]: text, [`${key}_base64`]: isText ? null : bytes.toString('base64'), [`${key}_cut`]: this.cut };
  }
}
