import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDestinations } from '../src/destinations.ts';

const publicOnly = createDestinations({ httpsOnly: false, allowAddresses: [] });
const withLoopback = createDestinations({ httpsOnly: false, allowAddresses: ['127.0.0.0/8', '::1/128'] });

const NOT_PUBLIC: readonly [address: string, kind: string][] = [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['10.0.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['169.254.169.254', 'link-local'],
  ['0.0.0.0', 'this host'],
  ['100.64.0.1', 'shared'],
  ['192.0.0.8', 'reserved'],
  ['192.0.2.1', 'documentation'],
  ['198.18.0.1', 'benchmarks'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'reserved'],
  ['::1', 'loopback'],
  ['::', 'this host'],
  ['fe80::1', 'link-local'],
  ['fd00::1', 'private'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::', 'reserved'],
  ['2001:0:7f00:1::', 'reserved'],
  ['64:ff9b:1::a00:1', 'private'],
  ['::7f00:1', 'no public address'],
  ['4000::1', 'no public address'],
];

test('addresses that are not public are refused, with what they are', () => {
  for (const [address, kind] of NOT_PUBLIC) {
    assert.match(publicOnly.refusalOfAddress(address) ?? 'allowed', new RegExp(kind), address);
    const host = address.includes(':') ? `[${address}]` : address;
    assert.equal(publicOnly.refusalOfUrl(`http://${host}/x`)?.error, 'address', address);
  }
});

test('an IPv4 address in IPv6, and one with a zone, is judged as what it is', () => {
  for (const address of [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    'fe80::1%eth0',
    '::FFFF:10.0.0.1',
  ])
    assert.notEqual(publicOnly.refusalOfAddress(address), undefined, address);
  assert.equal(publicOnly.refusalOfAddress('::ffff:8.8.8.8'), undefined);
  assert.equal(publicOnly.refusalOfAddress('64:ff9b::808:808'), undefined);
  assert.equal(withLoopback.refusalOfAddress('::ffff:127.0.0.1'), undefined);
});

test('public addresses and names are allowed', () => {
  for (const url of [
    'http://8.8.8.8/',
    'https://[2606:4700::1111]:8443/a?b',
    'https://example.com/',
    'http://a.b',
  ])
    assert.equal(publicOnly.refusalOfUrl(url), undefined, url);
});

test('an allowed range lets its addresses through, and no others', () => {
  assert.equal(withLoopback.refusalOfUrl('http://127.0.0.1:4000/'), undefined);
  assert.equal(withLoopback.refusalOfUrl('http://[::1]/'), undefined);
  assert.equal(withLoopback.refusalOfUrl('http://[0:0:0:0:0:0:0:1]/'), undefined);
  assert.match(
    withLoopback.refusalOfUrl('http://10.0.0.1/')?.detail ?? '',
    /10\.0\.0\.1 is a private address/,
  );
});

test('an address in disguise is refused even where it is allowed, with how to write it', () => {
  const disguised = [
    'http://0x7f.1/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://[::ffff:127.0.0.1]/',
    'http://%31%32%37.0.0.1/',
    'http:\\\\127.1/',
    ' http://127.1/',
  ];
  for (const url of disguised) {
    assert.match(
      withLoopback.refusalOfUrl(url)?.detail ?? 'allowed',
      /written plainly, as 127\.0\.0\.1/,
      url,
    );
    assert.match(publicOnly.refusalOfUrl(url)?.detail ?? 'allowed', /loopback/, url);
  }
});

test('every IPv4 address in a private range is refused in every notation', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 24 - 1), (low) => {
      const number = 10 * 2 ** 24 + low;
      const [a, b, c, d] = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255);
      const hosts = [`${number}`, `0x${number.toString(16)}`, `0${number.toString(8)}`, `${a}.${low}`];
      for (const host of [...hosts, `${a}.${b}.${c}.${d}`, `[::ffff:${a}.${b}.${c}.${d}]`])
        assert.match(publicOnly.refusalOfUrl(`http://${host}/`)?.detail ?? 'allowed', /private/, host);
    }),
  );
});

test('where https is required nothing else is sent to', () => {
  const strict = createDestinations({ httpsOnly: true, allowAddresses: [] });
  assert.deepEqual(strict.refusalOfUrl('http://example.com/'), {
    error: 'url',
    detail: 'only https is allowed',
  });
  assert.equal(strict.refusalOfUrl('https://example.com/'), undefined);
});

test('what is no URL of the web is refused', () => {
  for (const url of ['nothing', 'ftp://example.com/', 'http://[fe80::1%25eth0]/'])
    assert.equal(publicOnly.refusalOfUrl(url)?.error, 'url', url);
});
