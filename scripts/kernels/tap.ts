// What the tests of a guest say on its console: TAP, as node:test prints it, between two lines of ours.

const BEGIN = '@@BEGIN';
const END = '@@END';

export interface TestResult {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly detail: string;
}

export interface Results {
  readonly tests: readonly TestResult[];
  /** The tests ran to their end, and nothing failed but tests. */
  readonly isComplete: boolean;
}

/** Tests are one level deep: what stands indented is about the test before it. */
export function parseResults(console: string): Results {
  const lines = console.split('\n');
  // The firmware's last line has no end.
  const begin = lines.findIndex((line) => line.endsWith(BEGIN));
  const end = lines.findIndex((line) => line.startsWith(END));
  const tests: TestResult[] = [];
  let planned: number | undefined;
  let isDetail = false;
  for (const line of lines.slice(begin + 1, end === -1 ? undefined : end)) {
    const match = /^(not )?ok \d+ - (.*?)(?: # SKIP ?(.*))?$/.exec(line);
    const last = tests.at(-1);
    if (match !== null) {
      const [, not, name = '', reason] = match;
      const result = reason !== undefined ? 'skipped' : not === undefined ? 'passed' : 'failed';
      isDetail = false;
      tests.push({ name: unescape(name), result, detail: unescape(reason ?? '') });
    } else if (/^ {2}(error|code):/.test(line)) {
      isDetail = line.startsWith('  error');
    }
    if (isDetail && last?.result === 'failed') {
      tests.splice(-1, 1, { ...last, detail: `${last.detail}${line}\n` });
    }
    planned = /^1\.\.(\d+)/.exec(line)?.[1] === undefined ? planned : Number(line.slice(3));
  }
  const isFailed = tests.some(({ result }) => result === 'failed');
  const isExplained = isFailed || lines[end] === `${END} 0`;
  return { tests, isComplete: begin !== -1 && isExplained && planned === tests.length };
}

function unescape(text: string): string {
  return text.replaceAll(/\\([#\\])/g, '$1');
}
