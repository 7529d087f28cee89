// Tries what is expected of a lab, all of it at once, and what fails again until the time is over.

import type { Gap, Host, NamespaceDoor } from '../../kernel/host.ts';
import type { DnsType } from '../../kernel/packets/dns.ts';
import type { Probe, ProbeAnswer } from '../../kernel/probe.ts';
import { addressOf, doorOf, judge, judgeName, questionOf, type Verdict } from '../../network/expect.ts';
import type { LabExpectation } from '../../network/expectation.ts';
import { familyOf } from '../../network/ip-net.ts';
import { namesIn } from '../../network/node-names.ts';
import type { Lab } from '../../network/lab.ts';
import type { Context } from '../define-command.ts';

export interface Tested {
  readonly expectation: LabExpectation;
  readonly text: string;
  readonly state: 'passed' | 'failed' | 'unknown';
  readonly told: string;
  /** null: nothing was sent, or a name was asked for. */
  readonly answer: ProbeAnswer | null;
  readonly gap: Gap | null;
}

/** For one try. What is not expected gets as long, once. */
const TRY_MS = 1000;
const PAUSE_MS = 100;

/** `timeout`: in milliseconds. */
export async function testLab(host: Host, context: Context, lab: Lab, timeout: number): Promise<readonly Tested[]> {
  const deadline = performance.now() + timeout;
  const left = (): number => Math.max(1, Math.min(TRY_MS, deadline - performance.now()));
  let tested = await tryAll(host, context, lab, lab.expect ?? [], left);
  for (;;) {
    const open = tested.filter(({ state, expectation }) => state === 'failed' && !expectation.isNot);
    if (open.length === 0 || performance.now() + PAUSE_MS >= deadline) return tested;
    // eslint-disable-next-line no-await-in-loop -- one try after the other
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
    // eslint-disable-next-line no-await-in-loop
    const again = await tryAll(
      host,
      context,
      lab,
      open.map(({ expectation }) => expectation),
      left,
    );
    const renewed = new Map(again.map((each) => [each.expectation, each]));
    tested = tested.map((each) => renewed.get(each.expectation) ?? each);
  }
}

async function tryAll(
  host: Host,
  context: Context,
  lab: Lab,
  expectations: readonly LabExpectation[],
  left: () => number,
): Promise<readonly Tested[]> {
  const probes = new Map<LabExpectation, Probe>();
  const tested = new Map<LabExpectation, Tested>();
  const timeout = left();
  for (const expectation of expectations) {
    const namespace = doorOf(lab, expectation.from);
    if (namespace === undefined)
      tested.set(expectation, unknown(expectation, `there is no namespace ${expectation.from}`));
    else if (expectation.kind !== 'name') {
      const question = questionOf(lab, expectation);
      if (typeof question === 'string') tested.set(expectation, unknown(expectation, question));
      else probes.set(expectation, { namespace, timeout, ...question });
    }
  }
  const answers = await context.probe([...probes.values()]);
  for (const [at, [expectation, { to }]] of [...probes].entries()) {
    const answer = answers[at];
    if (answer?.ok === true) tested.set(expectation, verdictOf(expectation, judge(expectation, to, answer.value)));
    else tested.set(expectation, { ...unknown(expectation, answer?.gap.errno ?? '-'), gap: answer?.gap ?? null });
  }
  for (const expectation of expectations) {
    const namespace = doorOf(lab, expectation.from);
    if (expectation.kind !== 'name' || namespace === undefined) continue;
    // eslint-disable-next-line no-await-in-loop -- a name server is asked after the one before has not answered
    tested.set(expectation, await tryName(host, context, lab, expectation, namespace, left));
  }
  return expectations.flatMap((expectation) => tested.get(expectation) ?? []);
}

function verdictOf(expectation: LabExpectation, { passed, told, answer }: Verdict): Tested {
  const state = passed ? 'passed' : 'failed';
  return { expectation, text: expectation.text, state, told, answer, gap: null };
}

function unknown(expectation: LabExpectation, told: string): Tested {
  return { expectation, text: expectation.text, state: 'unknown', told, answer: null, gap: null };
}

const DNS_PORT = 53;

async function tryName(
  host: Host,
  context: Context,
  lab: Lab,
  expectation: Extract<LabExpectation, { kind: 'name' }>,
  namespace: NamespaceDoor | null,
  left: () => number,
): Promise<Tested> {
  const { from, name, is } = expectation;
  const wanted = is === null ? null : (addressOf(lab, from, is) ?? is);
  const { known, servers, asked } = namesIn(host, lab, from);
  const judged = (found: Parameters<typeof judgeName>[2], problem = ''): Tested =>
    verdictOf(expectation, judgeName(expectation, wanted, found, problem));
  const addresses = known(name);
  if (addresses.length > 0) return judged({ addresses, by: '/etc/hosts' });
  if (servers.length === 0) return judged(null, 'no file knows it, and there is no name server');
  const types: readonly DnsType[] = wanted === null ? ['A', 'AAAA'] : familyOf(wanted) === 'inet' ? ['A'] : ['AAAA'];
  const problems: string[] = [];
  let isTold = false;
  for (const to of servers)
    for (const each of asked(name)) {
      const questions = types.map((type) => ({ kind: 'dns', to, port: DNS_PORT, name: each, type }) as const);
      // eslint-disable-next-line no-await-in-loop -- only if the one before did not know
      const answers = await context.probe(questions.map((question) => ({ namespace, timeout: left(), ...question })));
      const found = answers.flatMap((answer) => (answer.ok ? (answer.value.dns?.addresses ?? []) : []));
      if (found.length > 0) return judged({ addresses: found, by: to });
      isTold ||= answers.some((answer) => answer.ok && answer.value.dns !== null);
      const [first] = answers;
      const said =
        first?.ok === true ? (first.value.dns?.rcode ?? first.value.errno ?? first.value.state) : first?.gap.errno;
      problems.push(`${to} for ${each}: ${said === 'NOERROR' ? 'no address' : (said ?? '-')}`);
    }
  const problem = problems.join('; ');
  // That nobody knows a name is not said by who says nothing.
  return isTold || !expectation.isNot ? judged(null, problem) : unknown(expectation, problem);
}
