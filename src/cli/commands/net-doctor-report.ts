// What `net doctor` found out, as text and as JSON.

import { doctorTitle } from '../../inspect/doctor/codes.ts';
import type { Course, DoctorReport, Placed } from '../../inspect/doctor/doctor.ts';
import { answerText, probeText, type Probed } from '../../inspect/doctor/probes.ts';
import type { Hop, HopEnd } from '../../inspect/doctor/path.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Drops } from '../../kernel/trace/drops.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { gapJson } from '../gap-text.ts';
import { quotedVisibly } from '../shell-quoting.ts';

const CODE_WIDTH = 4;

export interface DoctorAnswer {
  readonly report: DoctorReport;
  /** null: nothing was sent. */
  readonly probed: readonly Probed[] | null;
  /** null: nothing was counted. */
  readonly drops: Drops | null;
}

/** `verbose`: with each hop. */
export function doctorText({ report, probed, drops }: DoctorAnswer, verbose: boolean): string {
  const { findings, unseen, courses } = report;
  const lines = [
    headline(findings, courses),
    ...findings.flatMap(findingLines),
    ...(verbose ? courses.flatMap((course) => courseLines(report, course)) : []),
    ...(probed ?? []).map(probeLine),
    ...(drops === null ? [] : dropLines(drops)),
    ...unseen.map((text) => `not looked at: ${text}`),
  ];
  return `${lines.map(escapeControls).join('\n')}\n`;
}

function headline(findings: readonly Placed[], courses: readonly Course[]): string {
  const followed = new Set(courses.map(({ flow }) => flow.destination)).size;
  if (findings.length > 0) return `${findings.length} finding${findings.length === 1 ? '' : 's'}`;
  return followed === 0 ? 'no fault found: there was no way to follow' : 'no fault found';
}

function probeLine({ question, answer }: Probed): string {
  const { ok } = answer;
  const came = ok ? answerText(answer.value) : `could not be sent: ${answer.gap.errno ?? answer.gap.reason}`;
  return `probe: ${probeText(question)}: ${came}`;
}

function dropLines({ counts, lost }: Drops): readonly string[] {
  if (counts.length === 0) return ['dropped on the whole host meanwhile: nothing'];
  return [
    ...counts.map(
      ({ reason, location, count }) =>
        `dropped on the whole host meanwhile: ${count} ${reason}${location === null ? '' : ` in ${location}`}`,
    ),
    ...(lost > 0 ? [`dropped on the whole host meanwhile: ${lost} more, too many to be told`] : []),
  ];
}

const WAYS: Readonly<Record<Placed['way'], string>> = {
  there: 'on the way',
  back: 'on the way back',
  names: 'on the way to a nameserver',
};

function findingLines({ code, certainty, way, what, evidence, fix }: Placed): readonly string[] {
  const indent = ' '.repeat(CODE_WIDTH);
  const possible = certainty === 'possible' ? ' (possible)' : '';
  const where = way === 'there' ? '' : `, ${WAYS[way]}`;
  return [
    `${code.padEnd(CODE_WIDTH)}${what}${where}${possible}`,
    ...evidence.map((text) => `${indent}seen: ${text}`),
    ...(fix === null ? [] : [`${indent}${fixText(fix)}`]),
  ];
}

function fixText({ words, why }: NonNullable<Placed['fix']>): string {
  return words === null ? `to do: ${why}` : `fix: ${commandText(words)} (${why})`;
}

function commandText(words: readonly string[]): string {
  return words.map(quotedVisibly).join(' ');
}

function courseLines({ sight }: DoctorReport, { way, flow, path }: Course): readonly string[] {
  const port = flow.port === null ? '' : ` port ${flow.port}`;
  return [
    `${WAYS[way]}: ${flow.protocol} to ${flow.destination}${port}`,
    ...path.hops.map((hop) => {
      const { place, iif, oif, left, nextHop, end } = hop;
      const by = [
        iif === null ? '' : `in by ${iif.name}`,
        oif === null ? '' : `out by ${oif.name}`,
        nextHop === null ? '' : `to ${nextHop}`,
      ];
      const words = [sight.of(place).name, ...by, `${left.source ?? '-'} > ${left.destination}`, endText(end)];
      return `  ${words.filter((word) => word !== '').join(', ')}`;
    }),
  ];
}

function endText(end: HopEnd): string {
  switch (end.is) {
    case 'next':
      return end.station.steps.length > 1 ? 'across a bridge' : '';
    case 'delivered':
      return 'arrived';
    case 'leaves':
      return `leaves by ${end.exit.link.name}`;
    case 'refused':
      return 'refused';
    case 'nobody':
      return 'nobody has the address';
    case 'loop':
      return 'in a circle';
    case 'unknown':
      return 'unknown';
  }
}

export function doctorJson({ report, probed, drops }: DoctorAnswer): string {
  const { sight, from, to, findings, courses, unseen, gaps } = report;
  const place = (one: typeof from): Json => ({ ns: one.inode, name: sight.of(one).name });
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    from: place(from),
    to: to === null ? null : place(to),
    findings: findings.map(({ code, way, certainty, place: at, link, what, evidence, fix }) => ({
      code,
      title: doctorTitle(code),
      way,
      certainty,
      where: { ns: at.inode, name: sight.of(at).name, link },
      what,
      evidence,
      fix: fix === null ? null : { command: fix.words === null ? null : commandText(fix.words), why: fix.why },
    })),
    ways: courses.map(({ way, flow, path }) => ({
      way,
      ...flow,
      hops: path.hops.map((hop) => hopJson(report, hop)),
    })),
    not_looked_at: unseen,
    probes: probed?.map(probeJson) ?? null,
    drops: drops === null ? null : { counts: drops.counts.map((one) => ({ ...one })), lost: drops.lost },
  });
}

function probeJson({ question, answer }: Probed): Json {
  const { kind, to } = question;
  const got = answer.ok ? answer.value : null;
  return {
    kind,
    to,
    port: kind === 'echo' ? null : question.port,
    name: kind === 'dns' ? question.name : null,
    state: got?.state ?? 'not sent',
    from: got?.from ?? null,
    rtt_ms: got?.rtt ?? null,
    errno: got === null && !answer.ok ? (answer.gap.errno ?? null) : (got?.errno ?? null),
    mtu: got?.mtu ?? null,
    rcode: got?.dns?.rcode ?? null,
    addresses: got?.dns?.addresses ?? null,
  };
}

function hopJson({ sight }: DoctorReport, hop: Hop): Json {
  const { place, iif, oif, nextHop, came, left, end } = hop;
  return {
    ns: place.inode,
    name: sight.of(place).name,
    iif: iif?.name ?? null,
    oif: oif?.name ?? null,
    next_hop: nextHop,
    came: { source: came.source, destination: came.destination, port: came.port },
    left: { source: left.source, destination: left.destination, port: left.port },
    end: end.is,
  };
}
