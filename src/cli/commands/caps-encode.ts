import type { CommandDefinition } from '../define-command.ts';
import { capabilityWords } from './caps-decode.ts';
import { convert } from './caps-forms.ts';

export const capsEncode: CommandDefinition = {
  name: 'caps encode',
  summary: 'capabilities in any form as a mask, names or text',
  operands: 'CAPS…',
  arity: [1, Infinity],
  description: [
    'Prints CAPS as a mask, or in the forms that are asked for, a line each. CAPS is a list with commas, in which -',
    'takes away: names in any spelling (cap_net_raw, CAP_NET_RAW, NET_RAW, net_raw), numbers of capabilities (13), masks',
    'with 0x or of sixteen digits, full (all that this kernel knows), none, and what engines and policies give: docker,',
    'podman, crio, k8s-baseline, k8s-restricted. Or a text of libcap (cap_net_raw=ep) or of its IAB',
    '(!cap_chown,^cap_kill), which speak of three sets: a line for each. - reads CAPS from standard input, one a line.',
    'In --text a single set is what is effective and permitted, in --iab what is inheritable. What a form has no room',
    'for is left out, and said on standard error.',
  ],
  options: [
    { long: 'mask', help: 'print the mask; this is the default' },
    { long: 'names', help: 'print the names, with commas' },
    { long: 'text', help: "print libcap's text, as setcap takes it: cap_net_raw=ep" },
    { long: 'iab', help: "print libcap's text of inheritable, ambient and what the bounding set lacks" },
    { long: 'json', short: 'J', help: 'as JSON: all of these, the shortest list, and the bits without a name' },
  ],
  examples: [
    { line: 'nstool caps encode net_admin,net_raw', does: 'their mask' },
    { line: 'nstool caps encode 13 --text', does: 'cap_net_raw=ep' },
    { line: 'nstool caps encode docker,+net_admin,-mknod --names', does: 'what such a container has' },
    { line: "nstool caps encode '!cap_sys_admin,^cap_kill'", does: 'the three masks of an IAB text' },
  ],
  exitStatus: [
    [0, 'encoded'],
    [2, 'a word is no set of capabilities; nothing was printed'],
  ],
  run(invocation, context) {
    const words = capabilityWords(invocation.operands, context);
    const conversion = {
      bareNumber: 'capability',
      otherwise: 'mask',
      tryThis: 'nstool caps encode net_raw,kill',
    } as const;
    return convert(words, conversion, invocation, context);
  },
};
