// A program for entering as it is printed, with the verdict on it, and as it comes back. The way that ends in the command
// does without: none of this is loaded then.

import { errorOfGap, NsError, type ErrorFacts } from '../../kernel/error.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import { programFromJson, programToJson } from '../../kernel/program-json.ts';
import type { Program } from '../../kernel/program.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Uncopied } from '../../launch/as-target/part.ts';
import type { EnterPlan } from '../../launch/enter.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { flag, type Context, type Invocation, type Outcome } from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { notesOf } from './enter-notes.ts';
import { stepList } from './step-list.ts';

/** A program that was printed before, and may have been edited. */
export async function givenProgram(invocation: Invocation, context: Context, file: string): Promise<Outcome> {
  const allowed = new Set(['program', 'dry-run', 'verbose', 'json', 'color', 'debug']);
  const other = [...invocation.options.keys()].find((option) => !allowed.has(option));
  if (other !== undefined || invocation.program.length > 0) {
    throw new NsError('USAGE', {
      what: `--program does not go with ${other === undefined ? 'a command' : `--${other}`}`,
      why: 'all that is to be done stands in the file',
    });
  }
  const read = programFromJson(file === '-' ? context.readStdin() : textOf(await context.host(), file));
  const program = { ...read, trace: read.trace || flag(invocation, 'verbose') };
  if (!flag(invocation, 'dry-run')) return { replaceBy: program };
  return { stdout: flag(invocation, 'json') ? json({ program }, [], null, []) : stepList(program.steps), status: 0 };
}

function textOf(host: Host, file: string): string {
  const bytes = host.readFile(file);
  if (!bytes.ok) throw unreadable(file, bytes.gap);
  return decodeText(bytes.value);
}

function unreadable(file: string, gap: Gap): NsError {
  const what = `cannot read ${file}`;
  if (gap.errno === 'EISDIR') return new NsError('BAD_VALUE', { what, why: 'it is a directory (EISDIR)' });
  if (gap.errno === 'EFBIG') return new NsError('BAD_VALUE', { what, why: 'it is too large (EFBIG)' });
  return errorOfGap(gap, what);
}

/** The steps, and the verdict: a refusal that is foreseen has the status of one that happened to a reading command. */
export function dryRun(invocation: Invocation, planned: () => EnterPlan): Outcome {
  const asJson = flag(invocation, 'json');
  try {
    const plan = planned();
    const { program, foresight, uncopied } = plan;
    const gaps = foresight.gaps.list();
    const { refusal } = foresight;
    const error = refusal === undefined ? undefined : new NsError('DENIED', refusal);
    const verdict: Json = {
      allowed: gaps.length > 0 && error === undefined ? null : error === undefined,
      ...facts(refusal),
    };
    return {
      stdout: asJson ? json({ program }, gaps, verdict, uncopied) : stepList(program.steps),
      notes: [...notesOf(asJson ? { ...plan, uncopied: [] } : plan), ...gaps.map(gapNote)],
      ...(error === undefined ? { status: 0 } : { error, status: errorStatus(error) }),
    };
  } catch (error) {
    if (!(error instanceof NsError) || error.code !== 'DENIED') throw error;
    const stdout = asJson ? json({}, [], { allowed: false, ...facts(error.facts) }, []) : '';
    return { stdout, error, status: errorStatus(error) };
  }
}

function facts(refusal: ErrorFacts | undefined): { readonly [key: string]: Json } {
  return { what: refusal?.what ?? null, why: refusal?.why ?? null, try: refusal?.tryThis ?? null };
}

function json(
  { program }: { readonly program?: Program },
  gaps: readonly CountedGap[],
  verdict: Json,
  uncopied: readonly Uncopied[],
): string {
  const shown: Json = program === undefined ? null : programToJson(program);
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    verdict,
    not_copied: uncopied.map(({ what, why }) => ({ what, why })),
    program: shown,
  });
}
