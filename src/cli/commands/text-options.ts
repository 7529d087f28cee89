// How wide a listing may be, and how its headings look.

import type { TextOptions } from '../../render/text-table.ts';
import type { Context } from '../define-command.ts';

export interface TextQuery {
  readonly headings: boolean;
  readonly truncate: boolean;
}

export async function textOptions(query: TextQuery, context: Context): Promise<TextOptions> {
  const width = query.truncate ? context.stdout.columns() : undefined;
  const style = context.stdout.color ? { styleHeading: (await context.theme(context.stdout)).heading } : {};
  return { headings: query.headings, ...style, ...(width === undefined ? {} : { width }) };
}
