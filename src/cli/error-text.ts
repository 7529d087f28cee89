// Every error's text and exit status, in one place: what, why, try; at most three lines, and what was not seen.

import type { ErrorCode, ErrorFacts, NsError } from '../kernel/error.ts';
import { escapeControls } from '../render/escape.ts';
import { gapNote } from './gap-text.ts';
import { nearest } from './nearest.ts';

const exitStatus: Record<ErrorCode, number> = {
  USAGE: 2,
  BAD_VALUE: 2,
  NO_PROCESS: 3,
  NO_NAMESPACE: 3,
  NO_FILE: 3,
  DENIED: 4,
  UNSUPPORTED: 5,
  FOREIGN_PROC: 5,
  PARSE: 70,
  // EX_IOERR of sysexits.h, whose EX_SOFTWARE is 70.
  OUTPUT: 74,
};

export const BUG_STATUS = 70;

export function errorStatus(error: NsError): number {
  return exitStatus[error.code];
}

export function errorText({ facts }: NsError): string {
  const lines = [`nstool: ${facts.what}`];
  const why = meant(facts) ?? facts.why;
  if (why !== undefined) lines.push(`  why: ${why}`);
  if (facts.tryThis !== undefined) lines.push(`  try: ${facts.tryThis}`);
  // What vanished meanwhile is not there, and so nothing that was not seen.
  for (const gap of facts.gaps ?? []) if (gap.reason !== 'gone') lines.push(`nstool: ${gapNote(gap)}`);
  return lines.map((line) => `${escapeControls(line)}\n`).join('');
}

function meant({ near }: ErrorFacts): string | undefined {
  const name = near === undefined ? undefined : nearest(near.word, [...near.known.keys()]);
  return name === undefined ? undefined : `did you mean ${near?.known.get(name) ?? name}?`;
}

export function bugText(error: unknown, debug: boolean): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = stack.split('\n')[0] ?? '';
  const detail = debug ? stack : `${message}\n  try: the same command with --debug, and report what it prints`;
  return `nstool: internal error: ${detail}\n`;
}
