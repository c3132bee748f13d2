import { expect, it } from 'vitest';
import { codeIn } from './code.ts';

it.each([
  ['http://127.0.0.1:8080/login#code=AbC-_9', 'AbC-_9'],
  ['#code=x%2By', 'x+y'],
  ['#code=%E0%A4%A', '%E0%A4%A'],
  ['  AbC-_9 ', 'AbC-_9'],
  ['', ''],
  ['#', ''],
  ['http://127.0.0.1:8080/', ''],
])('finds the code in %j', (text, code) => expect(codeIn(text)).toBe(code));
