import {
  bitsBeyondKernel,
  decodeMask,
  formatDecoded,
  formatMask,
  parseMask,
  type DecodedMask,
} from '../../capabilities/mask.ts';
import { NsError } from '../../kernel/error.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';

export const capsDecode: CommandDefinition = {
  name: 'caps decode',
  summary: 'the names in a capability mask',
  operands: 'MASK…',
  arity: [1, Infinity],
  description: [
    'Prints for each MASK the line that `capsh --decode` prints. A mask is hexadecimal, as in the Cap lines of',
    '/proc/PID/status, with or without 0x. The operand - reads masks from standard input, one a line.',
    'A bit without a name is printed as its number. What is not hexadecimal, or over 64 bits, is refused.',
  ],
  options: [{ long: 'json', short: 'J', help: 'as JSON: the mask as a string, names, and the bits without a name' }],
  examples: [
    { line: 'nstool caps decode 3fffffffff', does: 'all capabilities of a kernel before 5.8' },
    { line: 'nstool caps decode 00000000a80425fb 0', does: "docker's default, and none" },
    { line: "awk '/CapEff/ {print $2}' /proc/*/status | nstool caps decode -", does: 'those of every process' },
  ],
  exitStatus: [
    [0, 'decoded'],
    [2, 'a mask is malformed; nothing was printed'],
  ],
  async run(invocation, context) {
    const decoded = masksOf(invocation.operands, context).map(decode);
    const beyond = new Set(await beyondKernel(decoded, context));
    const notes = beyond.size === 0 ? [] : [`this kernel does not know ${listBits([...beyond])}`];
    const stdout = flag(invocation, 'json')
      ? json(decoded)
      : decoded.map((mask) => `${formatDecoded(mask)}\n`).join('');
    return { stdout, notes, status: 0 };
  },
};

/** `-` stands for the lines of standard input. */
function masksOf(operands: readonly string[], context: Context): readonly string[] {
  return operands.flatMap((operand) =>
    operand === '-' ? context.readStdin().split('\n').map(trim).filter(Boolean) : [operand],
  );
}

function trim(line: string): string {
  return line.trim();
}

function decode(text: string): DecodedMask {
  const parsed = parseMask(text);
  if (parsed.ok) return decodeMask(parsed.mask);
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  throw new NsError('BAD_VALUE', {
    what: `'${shown}' is no capability mask`,
    why: parsed.problem === 'not-hex' ? 'it is not a hexadecimal number' : 'it has more than 64 bits',
    tryThis: 'nstool caps decode 3fffffffff',
  });
}

async function beyondKernel(decoded: readonly DecodedMask[], context: Context): Promise<readonly number[]> {
  const all = decoded.reduce((mask, entry) => mask | entry.mask, 0n);
  return all === 0n ? [] : bitsBeyondKernel(all, await context.host());
}

/** `bit 41`, `bits 41-63`, `bits 41, 50`. */
function listBits(bits: readonly number[]): string {
  const [first = 0] = bits;
  const last = bits.at(-1) ?? first;
  if (bits.length === 1) return `bit ${first}`;
  return last - first === bits.length - 1 ? `bits ${first}-${last}` : `bits ${bits.join(', ')}`;
}

function json(decoded: readonly DecodedMask[]): string {
  const masks = decoded.map(({ mask, names, unknown }) => ({ mask: formatMask(mask), names, unknown }));
  return renderJson({ schema: 1, complete: true, gaps: [], masks });
}
