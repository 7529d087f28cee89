#!/usr/bin/env node
'use strict';
require('../dist/nstool.cjs');
