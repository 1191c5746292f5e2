import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Env, judgeConfiguration } from '../../../src/cli/doctor/configuration.ts';

function checksOf(env: Env): string[] {
  return judgeConfiguration(env, '/work').checks.map(({ state, name }) => `${state} ${name}`);
}

test('each variable that is set is told, and those that are not', () => {
  const { checks, config, unknown } = judgeConfiguration(
    { PORT: '81', HOOKLANE_DATA: 'x', PATH: '/bin' },
    '/work',
  );
  const told = Object.fromEntries(checks.map(({ name, detail }) => [name, detail]));
  assert.deepEqual([told.PORT, told.HOOKLANE_DATA, 'PATH' in told], ['81', 'x', false]);
  assert.match(
    told.defaults ?? '',
    /HOST, NODE_ENV, HOOKLANE_LOG, .*HOOKLANE_SUSTAINED, .*HOOKLANE_TRUST_PROXY, .*HOOKLANE_TLS_KEY$/,
  );
  assert.ok(checks.every(({ state }) => state === 'ok'));
  assert.deepEqual(
    [config.port, config.dataDirectory, unknown],
    [81, '/work/x', { log: false, views: false }],
  );
});

test('what is secret is never shown, be it right or wrong', () => {
  const key = Buffer.alloc(32, 7).toString('base64');
  const right = {
    HOOKLANE_ADMIN_TOKEN: 'hush_0123456789abcdef',
    HOOKLANE_MASTER_KEY: key,
    HOOKLANE_LOG: 'kafka://ann:hush@a:1?tls=true',
    HOOKLANE_KAFKA_PASSWORD: 'hush',
    HOOKLANE_VIEWS: 'mongodb://ann:hush@b:2/x?tlsCertificateKeyFilePassword=hush',
    HOOKLANE_PROXY: 'http://ann:hush@c:3',
    HTTPS_PROXY: 'http://ann:hush@d:4',
  };
  const wrong = {
    HOOKLANE_ADMIN_TOKEN: 'hush',
    HOOKLANE_MASTER_KEY: 'hush',
    HOOKLANE_LOG: 'paper://ann:hush@a',
    HOOKLANE_PROXY: 'ftp://ann:hush@a',
    HOOKLANE_TOKENS: 'hush',
  };
  for (const env of [right, wrong]) {
    const { checks } = judgeConfiguration(env, '/work');
    const text = JSON.stringify(checks);
    assert.ok(!text.includes('hush') && !text.includes(key), text);
    for (const name of Object.keys(env)) assert.ok(text.includes(name), name);
  }
});

test('all that is wrong is a problem, with how to mend it; the rest is used as it is', () => {
  const env = { PORT: 'http', HOOKLANE_GAPS: '5s', HOOKLANE_DATA: '/data', HOOKLANE_VIEWS: 'paper' };
  const { checks, config, wrong, unknown } = judgeConfiguration(env, '/work');
  const problems = checks.filter(({ state }) => state === 'problem');
  assert.deepEqual(
    problems.map(({ name }) => name),
    ['HOOKLANE_GAPS', 'PORT', 'HOOKLANE_VIEWS'],
  );
  assert.match(problems[1]?.detail ?? '', /"http" is not allowed; allowed: a whole number/);
  assert.ok(problems.every(({ mend }) => mend !== null));
  assert.deepEqual([config.port, config.dataDirectory, config.views], [3000, '/data', 'sqlite']);
  assert.deepEqual(
    [unknown, [...wrong].sort()],
    [{ log: false, views: true }, problems.map(({ name }) => name).sort()],
  );
});

test('where the log is, is not known when anything that says it is wrong or missing', () => {
  const url = 'kafka://a:1';
  const cases: Env[] = [
    { HOOKLANE_LOG: 'paper' },
    { HOOKLANE_LOG: url, HOOKLANE_KAFKA_TLS: 'yes' },
    { HOOKLANE_LOG: url, HOOKLANE_KAFKA_USERNAME: 'ann' },
    { HOOKLANE_LOG: url, HOOKLANE_TOPIC_PREFIX: 'a b' },
  ];
  for (const env of cases) {
    const { unknown, config } = judgeConfiguration(env, '/work');
    assert.deepEqual([unknown.log, config.log], [true, 'sqlite'], JSON.stringify(env));
  }
});

test('NODE_ENV is a warning where it does not say what it seems to mean, or others can reach the server', () => {
  const state = (env: Env) => checksOf(env).find((check) => check.endsWith(' NODE_ENV'));
  assert.equal(state({}), 'ok NODE_ENV');
  assert.equal(state({ NODE_ENV: 'development' }), 'ok NODE_ENV');
  assert.equal(state({ NODE_ENV: 'production', HOST: '0.0.0.0' }), 'ok NODE_ENV');
  assert.equal(state({ NODE_ENV: 'prod' }), 'warning NODE_ENV');
  assert.equal(state({ NODE_ENV: 'Production' }), 'warning NODE_ENV');
  assert.equal(state({ HOST: '0.0.0.0' }), 'warning NODE_ENV');
});

test('a proxy that is not heard is a warning, unless one is configured', () => {
  const state = (env: Env) => checksOf(env).find((check) => check.endsWith(' proxies'));
  assert.equal(state({ NO_PROXY: 'localhost' }), undefined);
  for (const name of ['HTTP_PROXY', 'https_proxy', 'ALL_PROXY'])
    assert.equal(state({ [name]: 'http://a:1' }), 'warning proxies');
  assert.equal(state({ HTTP_PROXY: 'http://a:1', HOOKLANE_PROXY: 'http://a:1' }), 'ok proxies');
});
