// The steps of a program, for eyes.

import type { Step } from '../../kernel/program.ts';
import type { Column } from '../../render/columns.ts';
import { renderTable } from '../../render/text-table.ts';

type Told = Pick<Step, 'label' | 'reason'>;

type NumberedStep = Told & { readonly number: number };

const stepColumns: readonly Column<NumberedStep>[] = [
  { key: 'step', type: 'number', help: 'number', get: (step) => step.number },
  { key: 'operation', type: 'string', help: 'what is done', get: (step) => step.label },
  { key: 'reason', type: 'string', help: 'why', get: (step) => step.reason },
];

export function stepList(steps: readonly Told[]): string {
  const numbered = steps.map((step, index) => ({ ...step, number: index + 1 }));
  return renderTable(numbered, stepColumns, { headings: true });
}
