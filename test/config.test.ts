// The environment to a Config: defaults, what is refused and how it is said.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ConfigFlags, InvalidConfig, loadConfig } from '../src/config.ts';
import { DEFAULT_SCRUB_RULES } from '../src/scrub-rules.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

function refusal(env: Record<string, string>, flags: ConfigFlags = {}): InvalidConfig {
  try {
    loadConfig(env, flags);
  } catch (error) {
    assert.ok(error instanceof InvalidConfig);
    return error;
  }
  assert.fail(`not refused: ${JSON.stringify(env)}`);
}

test('an empty environment gives the defaults', () => {
  assert.deepEqual(loadConfig({}, {}, '/srv'), {
    production: false,
    host: '127.0.0.1',
    port: 3000,
    dataDirectory: '/srv/data',
    log: 'sqlite',
    views: 'sqlite',
    adminToken: undefined,
    masterKeys: undefined,
    scrub: DEFAULT_SCRUB_RULES,
    topicPrefix: 'hooklane.',
    partitions: undefined,
    allowAddresses: ['127.0.0.0/8', '::1/128'],
    allowHttp: false,
    proxy: undefined,
    disableAfterMs: 432_000_000,
    retention: { documentsMs: Number.POSITIVE_INFINITY, payloadsMs: Number.POSITIVE_INFINITY },
    logLevel: 'info',
    burst: '3/6s',
    sustained: '100/1h',
    unauthenticated: '600/1m',
    cors: [],
    tls: undefined,
    bodyBytes: 262_144,
    trustProxy: [],
    redis: undefined,
  });
});

test('every variable is read', () => {
  const env = {
    NODE_ENV: 'production',
    HOST: '::',
    PORT: '0',
    HOOKLANE_DATA: '../elsewhere',
    HOOKLANE_LOG: 'sqlite',
    HOOKLANE_VIEWS: 'sqlite',
    HOOKLANE_ADMIN_TOKEN: 'sixteen-letters!',
    HOOKLANE_MASTER_KEY: KEY,
    HOOKLANE_TOPIC_PREFIX: 'staging-',
    HOOKLANE_PARTITIONS: '1024',
    HOOKLANE_ALLOW_ADDRESSES: '10.0.0.0/8, fd00::/8',
    HOOKLANE_ALLOW_HTTP: '1',
    HOOKLANE_PROXY: 'http://proxy.internal:3128',
    HOOKLANE_DISABLE_AFTER: 'never',
    HOOKLANE_RETENTION: '90d',
    HOOKLANE_PAYLOAD_RETENTION: '7d',
    HOOKLANE_LOG_LEVEL: 'silent',
    HOOKLANE_BURST: '10/1m30s',
    HOOKLANE_SUSTAINED: 'none',
    HOOKLANE_UNAUTHENTICATED: 'none',
    HOOKLANE_TRUST_PROXY: '10.0.0.0/8',
    HOOKLANE_BODY_LIMIT: '1MiB',
    HOOKLANE_CORS: 'https://App.example.com, http://localhost:8080',
    HOOKLANE_TLS_CERT: 'cert.pem',
    HOOKLANE_TLS_KEY: '/etc/key.pem',
    HOOKLANE_REDIS: 'redis://cache',
    HOOKLANE_SCRUB: 'none,ssn',
  };
  assert.deepEqual(loadConfig(env, {}, '/srv/app'), {
    production: true,
    host: '::',
    port: 0,
    dataDirectory: '/srv/elsewhere',
    log: 'sqlite',
    views: 'sqlite',
    adminToken: 'sixteen-letters!',
    masterKeys: [Buffer.alloc(32, 7)],
    scrub: { names: ['ssn'], cards: false, credentials: false },
    topicPrefix: 'staging-',
    partitions: 1024,
    allowAddresses: ['10.0.0.0/8', 'fd00::/8'],
    allowHttp: true,
    proxy: 'http://proxy.internal:3128',
    disableAfterMs: Number.POSITIVE_INFINITY,
    retention: { documentsMs: 7_776_000_000, payloadsMs: 604_800_000 },
    logLevel: 'silent',
    burst: '10/1m30s',
    sustained: null,
    unauthenticated: null,
    cors: ['https://app.example.com', 'http://localhost:8080'],
    tls: { certFile: '/srv/app/cert.pem', keyFile: '/etc/key.pem' },
    bodyBytes: 1_048_576,
    trustProxy: ['10.0.0.0/8'],
    redis: 'redis://cache',
  });
});

test('in production no address that is not public is allowed by default', () => {
  assert.deepEqual(loadConfig({ NODE_ENV: 'production' }).allowAddresses, []);
});

test('an empty variable counts as not set', () => {
  const empty = {
    HOST: '',
    PORT: '',
    HOOKLANE_DATA: '',
    HOOKLANE_LOG: '',
    HOOKLANE_REDIS: '',
    HOOKLANE_BURST: '',
  };
  assert.deepEqual(loadConfig(empty), loadConfig({}));
});

test('everything wrong is reported at once, a line each, with the name, the value and what is allowed', () => {
  const wrong = refusal({ PORT: '70000', HOOKLANE_PARTITIONS: '0', HOOKLANE_LOG_LEVEL: 'loud' });
  assert.equal(wrong.code, 'INVALID_CONFIG');
  assert.deepEqual(wrong.message.split('\n'), [
    'PORT="70000" is not allowed; allowed: a whole number from 0 to 65535 (0: any free port)',
    'HOOKLANE_PARTITIONS="0" is not allowed; allowed: a whole number from 1 to 1024',
    'HOOKLANE_LOG_LEVEL="loud" is not allowed; allowed: fatal, error, warn, info, debug, trace, silent',
  ]);
});

test('payloads are kept as long as read models, or less', () => {
  const kept = (env: Record<string, string>) => loadConfig(env).retention;
  const hour = 3_600_000;
  assert.deepEqual(kept({ HOOKLANE_RETENTION: '2h' }), { documentsMs: 2 * hour, payloadsMs: 2 * hour });
  const forEver = Number.POSITIVE_INFINITY;
  assert.deepEqual(kept({ HOOKLANE_PAYLOAD_RETENTION: '1h' }), { documentsMs: forEver, payloadsMs: hour });
  assert.equal(
    refusal({ HOOKLANE_RETENTION: '2h', HOOKLANE_PAYLOAD_RETENTION: '1d' }).message,
    'HOOKLANE_PAYLOAD_RETENTION="1d" is more than HOOKLANE_RETENTION; allowed: up to 2h',
  );
});

const WRONG: Record<string, string[]> = {
  HOST: ['two words', 'http://here', '-', 'a/b', '1.2.3.4:80'],
  PORT: ['-1', '65536', '80.5', '0x50', 'http', ' 80', '1e3'],
  HOOKLANE_LOG: [
    'SQLite',
    'postgres://here',
    'memory',
    'kafka://',
    'kafka://a b',
    'kafka://one:0',
    'kafka://one:65536',
    'kafka://one,',
    'kafka://one/topic',
    'kafka://one?ssl=true',
    'kafka://one?tls=yes',
    'kafka://one?sasl=kerberos',
    'kafka://:secret@one',
    'kafka://%zz:x@one',
  ],
  HOOKLANE_VIEWS: ['sqlite3', 'mysql', 'mongodb://', 'mongodb:/one'],
  HOOKLANE_KAFKA_TLS: ['yes'],
  HOOKLANE_KAFKA_SASL: ['PLAIN', 'gssapi'],
  HOOKLANE_KAFKA_REPLICATION: ['0', '1.5'],
  HOOKLANE_RETENTION: ['59m', 'never', '40000d'],
  HOOKLANE_PAYLOAD_RETENTION: ['0', '7'],
  HOOKLANE_KAFKA_RETENTION: ['1h', 'forever', '40000d'],
  HOOKLANE_KAFKA_SESSION: ['10', '100ms', '6m'],
  HOOKLANE_ADMIN_TOKEN: ['short', 'fifteen-letters', 'sixteen letters!', 'sixteen-lettersé'],
  HOOKLANE_MASTER_KEY: [
    'x',
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(33).toString('base64'),
    ` ${KEY}`,
    KEY.slice(0, -1),
  ],
  HOOKLANE_SCRUB: ['a=b', '-pasword', 'ssn,,otp', 'x'],
  HOOKLANE_TOPIC_PREFIX: ['with space', 'a/b', 'ü.', 'x'.repeat(101)],
  HOOKLANE_PARTITIONS: ['0', '1025', '1.5', 'many'],
  HOOKLANE_ALLOW_ADDRESSES: [
    '10.0.0.0',
    '10.0.0.0/33',
    'fd00::/129',
    'localhost/8',
    '10.0.0.0/8,',
    '10.0.0/8',
  ],
  HOOKLANE_ALLOW_HTTP: ['yes', 'true', '2'],
  HOOKLANE_LOG_LEVEL: ['warning', 'INFO'],
  HOOKLANE_BURST: [
    '3',
    '3/',
    '/6s',
    '0/6s',
    '3/0s',
    '3/6',
    '3/6s/1',
    '-3/6s',
    '1.5/6s',
    '3/500ms',
    '3/48h',
    '2000000/6s',
    'null',
  ],
  HOOKLANE_SUSTAINED: ['100/hour', 'off'],
  HOOKLANE_CORS: [
    'app.example.com',
    'https://a.example/',
    'https://a.example,',
    '*,https://a.example',
    'null',
  ],
  HOOKLANE_BODY_LIMIT: ['262144', '1023B', '1.5MiB', '256kB', 'none'],
};

for (const [name, values] of Object.entries(WRONG)) {
  test(`a wrong ${name} is refused`, () => {
    for (const value of values) {
      assert.deepEqual(
        refusal({ [name]: value }).problems.map((problem) => problem.name),
        [name],
        value,
      );
    }
  });
}

test('Redis is chosen by its URL; a wrong one is told without the password in it', () => {
  assert.equal(loadConfig({ HOOKLANE_REDIS: 'rediss://:hunter2@cache' }).redis, 'rediss://:hunter2@cache');
  const wrong = refusal({ HOOKLANE_REDIS: 'http://:hunter2@cache:6379' });
  assert.deepEqual(wrong.message.split('\n'), [
    'HOOKLANE_REDIS="http://…@cache:6379" is not allowed; allowed: redis://user:password@host:port/0, or rediss:// with TLS',
  ]);
});

test('Kafka and MongoDB are chosen by their URLs', () => {
  const { log, views } = loadConfig({
    HOOKLANE_LOG: 'kafka://one:9092,two',
    HOOKLANE_VIEWS: 'mongodb://user:p@ss@db/hooklane',
  });
  assert.deepEqual(log, {
    brokers: ['one:9092', 'two:9092'],
    tls: undefined,
    sasl: undefined,
    replication: undefined,
    retentionMs: undefined,
    sessionMs: 10_000,
  });
  assert.deepEqual(views, { url: 'mongodb://user:p@ss@db/hooklane' });
});

test('what variables of its own say of Kafka stands above its URL', () => {
  const { log } = loadConfig(
    {
      HOOKLANE_LOG: 'kafka://ann:secret@one?tls=true&sasl=plain',
      HOOKLANE_KAFKA_CA: 'ca.pem',
      HOOKLANE_KAFKA_SASL: 'scram-sha-512',
      HOOKLANE_KAFKA_USERNAME: 'bob',
      HOOKLANE_KAFKA_PASSWORD: 'other',
      HOOKLANE_KAFKA_REPLICATION: '3',
      HOOKLANE_KAFKA_RETENTION: '90d',
      HOOKLANE_KAFKA_SESSION: '6s',
    },
    {},
    '/srv',
  );
  assert.deepEqual(log, {
    brokers: ['one:9092'],
    tls: { caFile: '/srv/ca.pem' },
    sasl: { mechanism: 'scram-sha-512', username: 'bob', password: 'other' },
    replication: 3,
    retentionMs: 90 * 86_400_000,
    sessionMs: 6_000,
  });
  const plain = loadConfig({ HOOKLANE_LOG: 'kafka://one?tls=true', HOOKLANE_KAFKA_TLS: '0' }).log;
  assert.ok(plain !== 'sqlite' && plain.tls === undefined);
});

test('half a login is refused, and says which half is missing', () => {
  const url = { HOOKLANE_LOG: 'kafka://one:9092' };
  assert.equal(
    refusal({ ...url, HOOKLANE_KAFKA_USERNAME: 'ann' }).message,
    'HOOKLANE_KAFKA_PASSWORD is missing, and so it is in HOOKLANE_LOG',
  );
  assert.match(
    refusal({ ...url, HOOKLANE_KAFKA_SASL: 'plain' }).message,
    /^HOOKLANE_KAFKA_USERNAME is missing/,
  );
});

test('a certificate without its key, or a key without its certificate, is refused', () => {
  assert.equal(
    refusal({ HOOKLANE_TLS_CERT: 'cert.pem' }).message,
    'HOOKLANE_TLS_KEY is missing, and HOOKLANE_TLS_CERT is set',
  );
  assert.equal(
    refusal({ HOOKLANE_TLS_KEY: 'key.pem' }).message,
    'HOOKLANE_TLS_CERT is missing, and HOOKLANE_TLS_KEY is set',
  );
});

test('the values of secrets are never shown', () => {
  const wrong = refusal({
    HOOKLANE_ADMIN_TOKEN: 'hunter2',
    HOOKLANE_MASTER_KEY: 'hunter3',
    HOOKLANE_TOKN: 'hunter4',
  });
  assert.equal(wrong.problems.length, 3);
  assert.doesNotMatch(JSON.stringify([wrong.message, wrong.problems]), /hunter/);
});

test('an unknown HOOKLANE_ variable is refused with the nearest name', () => {
  assert.equal(
    refusal({ HOOKLANE_PARTITION: '4' }).message,
    'HOOKLANE_PARTITION is not known; did you mean HOOKLANE_PARTITIONS?',
  );
  assert.match(refusal({ HOOKLANE_LOGLEVEL: 'info' }).message, /did you mean HOOKLANE_LOG_LEVEL\?$/);
});

test('variables of the CLI, of tests and of others are left alone', () => {
  const env = { HOOKLANE_URL: 'x', HOOKLANE_TOKEN: 'x', HOOKLANE_TEST_KAFKA: 'x', HOOKLANES: 'x', PATH: 'x' };
  assert.deepEqual(loadConfig(env), loadConfig({}));
});

test('options stand above the environment, also where that is wrong', () => {
  const config = loadConfig({ HOST: 'no host', PORT: 'no port' }, { host: '0.0.0.0', port: '8080' });
  assert.deepEqual([config.host, config.port], ['0.0.0.0', 8080]);
});

test('a wrong option is reported by its own name, also an empty one', () => {
  assert.deepEqual(refusal({ PORT: '3000' }, { port: '99999', host: '' }).message.split('\n'), [
    '--host="" is not allowed; allowed: an IP address or a host name',
    '--port="99999" is not allowed; allowed: a whole number from 0 to 65535 (0: any free port)',
  ]);
});

test('whatever the environment holds gives a Config or InvalidConfig with one line a problem', () => {
  const names = [...Object.keys(WRONG), 'HOOKLANE_REDIS', 'HOOKLANE_DATA', 'NODE_ENV', 'HOOKLANE_X'];
  const environments = fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(environments, (env) => {
      try {
        loadConfig(env);
      } catch (error) {
        assert.ok(error instanceof InvalidConfig);
        assert.equal(error.message.split(/[\n\r]/).length, error.problems.length);
      }
    }),
  );
});
