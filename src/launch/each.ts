// Entering one namespace alone, with nstool waiting outside: the same program as that of `enter`, as a child's.

import { ERRNO } from '../kernel/abi/errno.ts';
import { PR_SET_PDEATHSIG, SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import type { KernelText, Program } from '../kernel/program.ts';
import { formatNamespaceLink } from '../kernel/text/namespace-link.ts';
import { decodeText } from '../kernel/text/text.ts';
import { doorOf } from '../namespaces/discover/door-of.ts';
import type { Namespace } from '../namespaces/discover/scan.ts';
import type { Caller } from './command.ts';
import { planEnter } from './enter.ts';
import { step } from './step.ts';

/** Which namespace the command is in, in forms that are targets. The name is empty where it has none. */
export interface EachVariables {
  readonly namespace: string;
  readonly name: string;
}

const NAMESPACE = 'NSTOOL_NS';
const NAME = 'NSTOOL_NAME';

/** Errors: NO_NAMESPACE, NO_FILE, DENIED, UNSUPPORTED. */
export function planEach(
  host: Host,
  namespace: Namespace,
  command: readonly KernelText[],
  caller: Caller,
  variables: EachVariables,
): Program {
  const way = doorOf(namespace);
  const link = formatNamespaceLink(namespace);
  if (way === undefined) {
    const why = 'nothing that was found leads to it';
    throw new NsError('NO_NAMESPACE', { what: `cannot enter ${link}`, why, tryThis: 'the same command with --deep' });
  }
  const inode = host.askNamespace(way.at, way.through);
  if (!inode.ok) throw errorOfGap(inode.gap, `cannot open ${link}`);
  if (inode.value !== namespace.inode) {
    throw new NsError('NO_NAMESPACE', { what: `cannot enter ${link}`, why: 'what led to it leads elsewhere by now' });
  }
  const given = [{ kind: namespace.kind, way }];
  const query = { kinds: [], given, preserveCredentials: false, resolver: false, fork: true } as const;
  const env = withVariables(caller.env, variables);
  return asChild(planEnter(host, { ...query, command, trace: false }, { ...caller, env }).program);
}

function withVariables(env: Caller['env'], { namespace, name }: EachVariables): Caller['env'] {
  const encoder = new TextEncoder();
  const others = env.filter((entry) => !/^NSTOOL_(?:NS|NAME)=/.test(decodeText(entry.subarray(0, NAME.length + 1))));
  return [...others, encoder.encode(`${NAMESPACE}=${namespace}`), encoder.encode(`${NAME}=${name}`)];
}

/** Its end comes with ours, whatever ends us. Changes of ids undo the wish, so it comes after them. */
function asChild(program: Program): Program {
  const { steps } = program;
  const fork = steps.findIndex(({ operation }) => operation.op === 'fork');
  const at = fork < 0 ? steps.length - 1 : fork;
  const wish = step('end with nstool', 'whatever ends it: nothing waits for this process then', {
    op: 'prctl',
    option: PR_SET_PDEATHSIG,
    args: [BigInt(SIGNAL_NUMBERS.SIGKILL), 0n, 0n, 0n],
  });
  return { ...program, steps: [...steps.slice(0, at), wish, ...steps.slice(at)] };
}

/** What nsexec would have printed, had it been let. */
export function failureText({ steps }: Program, failure: { readonly step: number; readonly errno: number }): string {
  const { step: index, errno } = failure;
  const failed = steps[index];
  if (failed === undefined) return 'nstool: nsexec refused the program\n';
  const explained =
    failed.explanations.find((one) => one.errno === errno) ?? failed.explanations.find((one) => one.errno === 0);
  if (explained !== undefined && explained.text !== '') return explained.text;
  const name = Object.entries(ERRNO).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  return `nstool: step ${index + 1}: ${failed.label}: ${name}\n`;
}
