// The bundle's entry.

import { main } from './main.ts';

void main();
