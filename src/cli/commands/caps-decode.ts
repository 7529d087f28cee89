import { bitsBeyondKernel, decodeMask, formatDecoded, parseMask, type DecodedMask } from '../../capabilities/mask.ts';
import type { CommandDefinition, Context } from '../define-command.ts';

export const capsDecode: CommandDefinition = {
  name: 'caps decode',
  summary: 'the names in a capability mask, or in any other form',
  operands: 'CAPS…',
  arity: [1, Infinity],
  description: [
    'Prints for each mask the line that `capsh --decode` prints. A mask is hexadecimal, as in the Cap lines of',
    '/proc/PID/status, with or without 0x. The operand - reads CAPS from standard input, one a line.',
    'A bit without a name is printed as its number. What is over 64 bits is refused.',
    '',
    'CAPS may also be a list with commas, in which - takes away: names in any spelling (cap_net_raw, NET_RAW, cap_13),',
    'masks, full, none, and what engines and policies give: docker, podman, crio, k8s-baseline, k8s-restricted. Or a',
    'text of libcap (cap_net_raw=ep) or of its IAB (!cap_chown,^cap_kill), which speak of three sets: a line for each.',
    'In --text a single set is what is effective and permitted, in --iab what is inheritable. What a form has no room',
    'for is left out, and said on standard error.',
  ],
  options: [
    { long: 'mask', help: 'print the mask' },
    { long: 'names', help: 'print the names, with commas' },
    { long: 'text', help: "print libcap's text, as getpcaps does: cap_net_raw=ep" },
    { long: 'iab', help: "print libcap's text of inheritable, ambient and what the bounding set lacks" },
    { long: 'json', short: 'J', help: 'as JSON: all of these, the shortest list, and the bits without a name' },
  ],
  examples: [
    { line: 'nstool caps decode 3fffffffff', does: 'all capabilities of a kernel before 5.8' },
    { line: 'nstool caps decode 00000000a80425fb 0', does: "docker's default, and none" },
    { line: "awk '/CapEff/ {print $2}' /proc/*/status | nstool caps decode -", does: 'those of every process' },
    { line: 'nstool caps decode --names docker,+net_admin,-mknod', does: 'what a list comes to' },
  ],
  exitStatus: [
    [0, 'decoded'],
    [2, 'a word is no set of capabilities; nothing was printed'],
  ],
  async run(invocation, context) {
    const words = capabilityWords(invocation.operands, context);
    const decoded = invocation.options.size === 0 ? words.map(decodePlain) : [];
    if (decoded.length === 0 || !decoded.every((mask) => mask !== undefined)) {
      const { convert } = await import('./caps-forms.ts');
      const conversion = {
        bareNumber: 'mask',
        otherwise: 'decoded',
        tryThis: 'nstool caps decode 3fffffffff',
      } as const;
      return convert(words, conversion, invocation, context);
    }
    const beyond = await beyondKernel(decoded, context);
    const { listBits } = beyond.length === 0 ? { listBits: String } : await import('./caps-forms.ts');
    const notes = beyond.length === 0 ? [] : [`this kernel does not know ${listBits(beyond)}`];
    return { stdout: decoded.map((mask) => `${formatDecoded(mask)}\n`).join(''), notes, status: 0 };
  },
};

/** `-` stands for the lines of standard input. */
export function capabilityWords(operands: readonly string[], context: Context): readonly string[] {
  return operands.flatMap((operand) =>
    operand === '-' ? context.readStdin().split('\n').map(trim).filter(Boolean) : [operand],
  );
}

function trim(line: string): string {
  return line.trim();
}

/** What most words are: nothing more is loaded for them. undefined: it is no mask. */
function decodePlain(text: string): DecodedMask | undefined {
  const parsed = parseMask(text);
  return parsed.ok ? decodeMask(parsed.mask) : undefined;
}

async function beyondKernel(decoded: readonly DecodedMask[], context: Context): Promise<readonly number[]> {
  const all = decoded.reduce((mask, entry) => mask | entry.mask, 0n);
  return all === 0n ? [] : bitsBeyondKernel(all, await context.host());
}
