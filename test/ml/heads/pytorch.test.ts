import { compareWithPytorch } from './pytorch-fixtures.js';

compareWithPytorch();
