// The entry of the bundle of all commands.

import { main } from '../main.ts';

void main();
