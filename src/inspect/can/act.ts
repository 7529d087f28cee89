// The acts that `caps can` knows, as words: `bind:80`.

import { parseCapabilities } from '../../capabilities/expression.ts';
import { NsError } from '../../kernel/error.ts';
import { parseDecimal } from '../../kernel/text/text.ts';

export type Act =
  | { readonly type: 'capability'; readonly capabilities: bigint }
  | { readonly type: 'bind'; readonly port: number }
  | { readonly type: 'ptrace' | 'kill'; readonly process: string }
  | { readonly type: 'map'; readonly process: string }
  | { readonly type: 'setns'; readonly namespace: string }
  | { readonly type: 'chown'; readonly path: string }
  | { readonly type: 'setuid' | 'setgid'; readonly id: number }
  | { readonly type: 'mount' | 'raw-socket' | 'module' };

const FORMS =
  'a capability, bind:PORT, ptrace:PID, kill:PID, mount, setns:NS, chown:PATH, setuid:UID, setgid:GID, raw-socket, module or map:PID';

/** `all` is what the kernel knows. Errors: BAD_VALUE. */
export function parseAct(word: string, all: bigint): Act {
  if (word === 'mount' || word === 'raw-socket' || word === 'module') return { type: word };
  const colon = word.indexOf(':');
  if (colon > 0) return ofScheme(word, word.slice(0, colon), word.slice(colon + 1));
  const parsed = parseCapabilities(word, all, 'capability');
  if (!parsed.ok || parsed.mask === 0n) throw noAct(word);
  return { type: 'capability', capabilities: parsed.mask };
}

const LAST_ID = 0xffff_fffe;
const LAST_PORT = 65_535;

function ofScheme(word: string, scheme: string, rest: string): Act {
  if (rest === '') throw noAct(word);
  const number = parseDecimal(rest);
  switch (scheme) {
    case 'bind':
      if (number === undefined || number > LAST_PORT) throw bad(word, 'ports are 0 to 65535');
      return { type: 'bind', port: number };
    case 'ptrace':
    case 'kill':
      return { type: scheme, process: rest };
    case 'map':
      return { type: scheme, process: rest };
    case 'setns':
      return { type: 'setns', namespace: rest };
    case 'chown':
      if (!rest.startsWith('/')) throw bad(word, 'the path begins with /, in the root of the process');
      return { type: 'chown', path: rest };
    case 'setuid':
    case 'setgid':
      if (number === undefined || number > LAST_ID) throw bad(word, 'an id is a number below 4294967295');
      return { type: scheme, id: number };
    default:
      throw noAct(word);
  }
}

function bad(word: string, why: string): NsError {
  return new NsError('BAD_VALUE', { what: `'${word}' is no act`, why });
}

function noAct(word: string): NsError {
  return bad(word, `an act is ${FORMS}`);
}
