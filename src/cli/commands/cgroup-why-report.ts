// What `cgroup why` found out, as text and as JSON.

import { whyTitle } from '../../inspect/cgroup-why/codes.ts';
import type { WhyReport } from '../../inspect/cgroup-why/report.ts';
import type { Advice, Verdict } from '../../inspect/cgroup-why/verdict.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { gapJson } from '../gap-text.ts';
import { quotedVisibly } from '../shell-quoting.ts';

const CODE_WIDTH = 4;
const CONTROLLER_WIDTH = 8;

export function whyText({ verdicts, seconds, log, gaps }: WhyReport): string {
  const [findings, notes] = [verdicts.filter(isFinding), verdicts.filter((verdict) => !isFinding(verdict))];
  const over = seconds === null ? 'one look' : `over ${seconds.toFixed(1)}s`;
  const nothing = isComplete(gaps) ? 'nothing wrong' : 'nothing wrong in what could be seen';
  const count = findings.length === 0 ? nothing : `${findings.length} finding${findings.length === 1 ? '' : 's'}`;
  const lines = [
    `${count} (${over}${log === null ? ", without the kernel's log" : ''})`,
    ...findings.flatMap(verdictLines),
    ...(notes.length === 0 ? [] : ['worth knowing:', ...notes.flatMap(verdictLines)]),
  ];
  return `${lines.map(escapeControls).join('\n')}\n`;
}

function isFinding({ level }: Verdict): boolean {
  return level === 'finding';
}

function verdictLines({ code, controller, what, certainty, advice }: Verdict): readonly string[] {
  const guess = certainty === 'guess' ? ' (a guess)' : '';
  const indent = ' '.repeat(CODE_WIDTH + CONTROLLER_WIDTH);
  return [
    `${code.padEnd(CODE_WIDTH)}${controller.padEnd(CONTROLLER_WIDTH)}${what}${guess}`,
    ...advice.flatMap(adviceLines).map((line) => `${indent}${line}`),
  ];
}

function adviceLines(advice: Advice): readonly string[] {
  const { why, file, value, directory, oci, docker, kubernetes } = advice;
  const command = commandOf(advice);
  const names = [
    ...(oci === null ? [] : [`OCI ${oci}`]),
    ...(docker === null ? [] : [docker.startsWith('docker') ? docker : `docker ${docker}`]),
    ...(kubernetes === null ? [] : [`Kubernetes ${kubernetes}`]),
  ];
  const write =
    file === null || value === null || directory === null
      ? null
      : `echo ${quotedVisibly(value)} > ${quotedVisibly(`${directory}/${file}`)}`;
  const ways = [command, write, names.length === 0 ? null : names.join('; ')].filter((way) => way !== null);
  const [first = file ?? why, ...others] = ways;
  return [`change: ${first} (${why})`, ...others.map((way) => `or: ${way}`)];
}

/** null: nothing of nstool's does it. */
function commandOf({ set, directory }: Advice): string | null {
  if (set === null || directory === null) return null;
  return ['nstool', 'cgroup', 'set', directory, ...set].map(quotedVisibly).join(' ');
}

export function whyJson(report: WhyReport): string {
  const { type, pid, paths, seconds, log, verdicts, gaps } = report;
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    target: { type, pid, paths },
    interval_sec: seconds === null ? null : Number(seconds.toFixed(3)),
    log:
      log === null
        ? null
        : { since_usec: log.since, kills: log.kills.length, refused_forks: log.refusals.length, dropped: log.dropped },
    findings: verdicts.filter(isFinding).map(verdictJson),
    notes: verdicts.filter((verdict) => !isFinding(verdict)).map(verdictJson),
  });
}

function verdictJson(verdict: Verdict): Json {
  const { code, controller, what, path, directory, own, certainty, since, evidence, advice } = verdict;
  return {
    code,
    title: whyTitle(code),
    controller,
    what,
    path,
    directory,
    own,
    certainty,
    since,
    evidence,
    advice: advice.map((each) => ({
      why: each.why,
      command: commandOf(each),
      directory: each.directory,
      file: each.file,
      value: each.value,
      oci: each.oci === null ? null : `linux.resources.${each.oci}`,
      docker: each.docker,
      kubernetes: each.kubernetes,
    })),
  };
}
