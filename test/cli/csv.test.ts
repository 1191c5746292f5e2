import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from '../../src/cli/csv.ts';

test('names first, then a line for each thing, ended by CR LF', () => {
  const rows = [{ a: 'x', b: 1 }, { a: null, b: -2.5 }, { b: true }];
  assert.equal(toCsv(rows, ['a', 'b']), 'a,b\r\nx,1\r\n,-2.5\r\n,true\r\n');
  assert.equal(toCsv([], ['a', 'b']), 'a,b\r\n');
});

test('commas, quotes and line ends are quoted, lists and objects are JSON', () => {
  assert.equal(toCsv([{ a: 'x,"y"\nz', b: ['p', 1] }], ['a', 'b']), 'a,b\r\n"x,""y""\nz","[""p"",1]"\r\n');
});

test('a text that a spreadsheet would calculate is kept from it, a number is not', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\uff1d1']) {
    assert.equal(toCsv([{ a: text }], ['a']), `a\r\n'${text}\r\n`);
  }
  assert.equal(toCsv([{ a: '\r=1' }], ['a']), `a\r\n"'\r=1"\r\n`);
  assert.equal(toCsv([{ a: -1 }], ['a']), 'a\r\n-1\r\n');
});
