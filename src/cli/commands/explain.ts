import { NsError } from '../../kernel/error.ts';
import { codes as auditCodes, titleOf as auditTitle } from '../../inspect/audit/texts.ts';
import { whyCodes, whyTitle } from '../../inspect/cgroup-why/codes.ts';
import { doctorCodes, doctorTitle } from '../../inspect/doctor/codes.ts';
import type { CommandDefinition } from '../define-command.ts';
import { findingPage } from '../installation.ts';
import { nearest } from '../nearest.ts';

const CODE_WIDTH = 4;

const codes: readonly string[] = [...auditCodes, ...whyCodes, ...doctorCodes];

function titleOf(code: string): string {
  if (doctorCodes.includes(code)) return doctorTitle(code);
  return whyCodes.includes(code) ? whyTitle(code) : auditTitle(code);
}

export const explain: CommandDefinition = {
  name: 'explain',
  summary: 'what a finding of audit, cgroup why or net doctor means, and what to do',
  operands: '[CODE]',
  arity: [0, 1],
  description: [
    'Prints the page on a finding of nstool audit, nstool cgroup why (W) or nstool net doctor (D): what it means, why it',
    'matters, how it was told, what to do, and who else looks for it. Without CODE it lists all of them.',
  ],
  options: [],
  examples: [
    { line: 'nstool explain', does: 'all codes, a line each' },
    { line: 'nstool explain W6', does: "killed by an ancestor's memory limit" },
    { line: 'nstool explain C2', does: 'what CAP_SYS_ADMIN in a container means' },
  ],
  exitStatus: [
    [0, 'printed'],
    [2, 'there is no such code'],
  ],
  run({ operands }) {
    const [word] = operands;
    if (word === undefined) {
      return { stdout: codes.map((code) => `${code.padEnd(CODE_WIDTH)} ${titleOf(code)}\n`).join(''), status: 0 };
    }
    const code = word.toUpperCase();
    const page = codes.includes(code) ? findingPage(code) : undefined;
    if (page !== undefined) return { stdout: page, status: 0 };
    const near = nearMisses(word);
    throw new NsError('BAD_VALUE', {
      what: `there is no finding '${word}'`,
      ...(near.length === 0 ? {} : { why: `did you mean ${near.join(', ')}?` }),
      tryThis: near.length === 0 ? 'nstool explain' : `nstool explain ${near[0]?.split(' ')[0]}`,
    });
  },
};

const MOST_MISSES = 4;

/** By a word of a title (`ptrace`, `core_pattern`), else the nearest code of the same letter, else all those. */
function nearMisses(word: string): readonly string[] {
  const small = word.toLowerCase();
  const named = word.length < SHORTEST ? [] : codes.filter((code) => titleOf(code).toLowerCase().includes(small));
  const family = /^[a-z][0-9]/.test(small)
    ? codes.filter((code) => code.toLowerCase().startsWith(small.slice(0, 1)))
    : [];
  const one = nearest(word, family);
  const found = named.length > 0 ? named : one === undefined ? family : [one];
  return found.slice(0, MOST_MISSES).map((code) => `${code} (${titleOf(code)})`);
}

/** Less is in many titles by chance. */
const SHORTEST = 4;
