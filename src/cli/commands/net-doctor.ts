import { diagnose, type DoctorQuery, type DoctorReport } from '../../inspect/doctor/doctor.ts';
import { isSame } from '../../inspect/doctor/finding.ts';
import { probeFindings, probesOf, type Probed } from '../../inspect/doctor/probes.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { ProbeQuestion } from '../../kernel/probe.ts';
import type { Drops } from '../../kernel/trace/drops.ts';
import { doctorCodes, doctorTitle } from '../../inspect/doctor/codes.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { flag, optionValue, type CommandDefinition, type Context } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';
import { doctorJson, doctorText, type DoctorAnswer } from './net-doctor-report.ts';
import { requireThisMachine } from './this-machine.ts';

export const netDoctor: CommandDefinition = {
  name: 'net doctor',
  summary: 'why there is no connection: the way there and back, hop by hop, and what is wrong on it',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Follows a packet from the network of TARGET through every namespace and bridge that can be seen, to its end and back,',
    'and says what is wrong, in the order in which the packet meets it: each with what was read and the command that mends',
    'it. Nothing is sent, but for --probe. In each namespace the kernel itself decides where the packet goes, as it would',
    'for a real one; firewalls are judged by their rules.',
    '',
    '--to is a target (its address that is nearest), a target with a port (web:80), an address (10.1.2.3, 10.1.2.3:80,',
    '[2001:db8::1]:80), or a name with a dot, for which the nameservers are looked at. A port is one of TCP; without it',
    'the packet is a ping. Without --to the ways to the gateways and to the nameservers are followed.',
    '',
    'A finding is certain, or possible: then it depends on what is not known. Where the way leaves what can be seen, by a',
    'physical link or a tunnel, that is said, as is all else that was not looked at.',
    'nstool explain D1 says more of a code:',
    ...doctorCodes.map((code) => `  ${code.padEnd(4)} ${doctorTitle(code)}`),
  ],
  options: [
    { long: 'to', value: 'WHERE', help: 'a target, target:PORT, an address, address:PORT, or a name of DNS' },
    {
      long: 'probe',
      help: 'send one ping, one TCP connection, one question for a name; wait two seconds at most',
    },
    {
      long: 'drops',
      value: 'SECONDS',
      optionalValue: true,
      help: 'count what the kernel drops meanwhile, and so much longer, by reason: of the whole host',
    },
    { long: 'json', short: 'J', help: 'as JSON, with each hop and the gaps' },
    { long: 'verbose', short: 'v', help: 'with each hop' },
  ],
  examples: [
    { line: 'nstool net doctor container:web', does: 'can it reach its gateway and its nameservers?' },
    { line: 'nstool net doctor container:web --to container:db:5432', does: 'why a container does not reach another' },
    { line: 'nstool net doctor ns1 --to 8.8.8.8 -v', does: 'the way out, hop by hop' },
    { line: 'nstool net doctor web --to db:5432 --probe --drops=2', does: 'try it, and say what the kernel drops' },
    { line: 'nstool net doctor incident.json::container:web', does: 'on a recorded host' },
  ],
  exitStatus: [
    [0, 'no fault was found in what could be seen'],
    [1, 'something is wrong, or may be'],
    [2, 'the command line is wrong, or a target is no network'],
    [3, 'no such process or namespace'],
    [4, 'a target is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? '');
    const isSending = flag(invocation, 'probe');
    const counting = optionValue(invocation, 'drops');
    const isCounting = flag(invocation, 'drops') || counting !== undefined;
    if (isSending || isCounting) requireThisMachine(invocation, recording);
    const wait = isCounting ? secondsOf(counting) : 0;
    const host = await context.host(recording);
    requireOwnProc(host);
    const to = optionValue(invocation, 'to') ?? null;
    const trace = isCounting ? await context.traceDrops() : null;
    let examined: Examined;
    let drops: Drops | null = null;
    try {
      examined = await examine(host, context, { from: word, to }, isSending);
      if (wait > 0) await new Promise((done) => setTimeout(done, 1000 * wait));
    } finally {
      drops = trace?.end() ?? null;
    }
    const answer = { ...examined, drops };
    return {
      stdout: flag(invocation, 'json') ? doctorJson(answer) : doctorText(answer, flag(invocation, 'verbose')),
      notes: examined.report.gaps.map(gapNote),
      status: examined.report.findings.length > 0 ? 1 : 0,
    };
  },
};

type Examined = Omit<DoctorAnswer, 'drops'>;

/** With `sends` a name is asked for, and the way to its address followed. */
async function examine(host: Host, context: Context, query: DoctorQuery, sends: boolean): Promise<Examined> {
  const report = diagnose(host, query);
  if (!sends) return { report, probed: null };
  const { name } = report;
  const probed = await send(context, report, probesOf(report, name));
  const found = probed.flatMap(({ answer }) => (answer.ok ? (answer.value.dns?.addresses ?? []) : []))[0];
  if (name === null || found === undefined) return told(report, probed);
  const further = diagnose(host, { ...query, to: addressWord(found, report.port) });
  const more = await send(context, further, probesOf(further, null));
  const findings = [
    ...report.findings,
    ...further.findings.filter((one) => !report.findings.some((known) => isSame(known, one))),
  ];
  const courses = [...report.courses, ...further.courses];
  return told({ ...further, findings, courses }, [...probed, ...more]);
}

function addressWord(address: string, port: number | null): string {
  const shown = address.includes(':') ? `[${address}]` : address;
  return port === null ? address : `${shown}:${port}`;
}

function told(report: DoctorReport, probed: readonly Probed[]): Examined {
  const unseen = report.unseen.filter((text) => !text.includes('(--probe'));
  return { report: { ...report, unseen, findings: [...report.findings, ...probeFindings(report, probed)] }, probed };
}

/** Unit: milliseconds. */
const TIMEOUT = 2000;

async function send(
  context: Context,
  { from }: DoctorReport,
  questions: readonly ProbeQuestion[],
): Promise<readonly Probed[]> {
  const namespace = from.door ?? null;
  const answers = await context.probe(questions.map((question) => ({ ...question, namespace, timeout: TIMEOUT })));
  return questions.flatMap((question, at) => {
    const answer = answers[at];
    return answer === undefined ? [] : [{ question, answer }];
  });
}

const LONGEST = 3600;

/** Errors: BAD_VALUE. */
function secondsOf(word: string | undefined): number {
  if (word === undefined || word === '') return 0;
  const seconds = /^\d+(?:\.\d+)?$/.test(word) ? Number(word) : Number.NaN;
  if (seconds <= LONGEST) return seconds;
  throw new NsError('BAD_VALUE', {
    what: `--drops takes seconds, at most ${LONGEST}, not '${word}'`,
    tryThis: '--drops=5',
  });
}
