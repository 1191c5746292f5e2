// A Kafka broker of a test's own, from the jars of `npm run engines`: to be stopped, killed and started again, to
// refuse a login or a permission, to speak TLS. Tests that need none of this share the one of test/support/engines.ts.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { commandOf } from './provisioned.ts';
import { freePort, type Server, serverDirectory, startServer } from './server.ts';

/** Small, and soon there. */
const JVM = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export interface BrokerOptions {
  /**
   * Clients log in, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, as one of these: name to password. What a user may do
   * is said by access control lists, of which there are none at first; `SUPERUSER` may do everything.
   */
  users?: Readonly<Record<string, string>>;
  /** Clients speak TLS, with a certificate that is its own authority: `ca` of the broker. */
  tls?: boolean;
  /** Further lines of server.properties; they win over ours. */
  properties?: readonly string[];
  /** Options of the Java machine, in the place of ours. */
  jvm?: readonly string[];
}

export interface Broker extends Server {
  /** With `tls`: the authority to trust, as PEM text and as a file. */
  ca?: { pem: string; file: string };
}

/** Who may do everything, on a broker that has users. */
export const SUPERUSER = { username: 'admin', password: 'admin-secret' };

/**
 * Starts a broker, closed after the test `t`. Takes 3 s and 400 MB. Whether there are jars to start it from says
 * `missingOwn('kafka')` of test/support/engines.ts.
 */
export async function startBroker(
  t: Pick<TestContext, 'after'>,
  options: BrokerOptions = {},
): Promise<Broker> {
  const broker = await newBroker(options);
  t.after(() => broker.close());
  return broker;
}

/** Starts a broker that its caller closes. */
export async function newBroker(options: BrokerOptions = {}): Promise<Broker> {
  const java = commandOf('kafka');
  if (java === undefined) throw new Error('no Kafka to start: npm run engines');
  const [command = '', ...classPath] = java;
  const directory = serverDirectory();
  const [port, controllerPort] = [await freePort(), await freePort()];
  const ca = options.tls ? makeCertificate(directory) : undefined;
  const properties = join(directory, 'server.properties');
  writeFileSync(properties, serverProperties({ directory, port, controllerPort, ...options }).join('\n'));
  const storage = [
    'format',
    '--standalone',
    '-t',
    clusterId(),
    '-c',
    properties,
    ...scramUsers(options.users),
  ];
  const tool = [...JVM, ...classPath, 'kafka.tools.StorageTool', ...storage];
  execFileSync(command, tool, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const server = await startServer({
    name: 'Kafka',
    port,
    url: `kafka://127.0.0.1:${port}`,
    directory,
    command: [command, ...(options.jvm ?? JVM), ...classPath, 'kafka.Kafka', properties],
    ready: /Kafka Server started/,
  });
  return ca === undefined ? server : { ...server, ca };
}

/** 16 random bytes in the alphabet of URLs, as Kafka's own `random-uuid`; a leading dash would look like an option. */
function clusterId(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}

interface Place extends BrokerOptions {
  directory: string;
  port: number;
  controllerPort: number;
}

/** The settings of a broker that is its own controller; the measured reasons are in ../shared/real-engines.md. */
function serverProperties({ directory, port, controllerPort, users, tls, properties = [] }: Place): string[] {
  const protocol = `${users ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`;
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
    `listeners=CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=CLIENTS://127.0.0.1:${port}`,
    `listener.security.protocol.map=CLIENTS:${protocol},CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name=CLIENTS',
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(directory, 'data')}`,
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms=500',
    // After a crash the broker waits until its former self has timed out: of 9 s by default.
    'broker.session.timeout.ms=3000',
    'broker.heartbeat.interval.ms=500',
    ...(users ? loginProperties(users) : []),
    ...(tls ? tlsProperties(directory) : []),
    ...properties,
  ];
}

/** Login and permissions. The broker itself comes to its controller as ANONYMOUS, by a listener that nobody else uses. */
function loginProperties(users: Readonly<Record<string, string>>): string[] {
  const all = Object.entries({ ...users, [SUPERUSER.username]: SUPERUSER.password });
  const plain = all.map(([name, password]) => `user_${name}="${password}"`).join(' ');
  const itself = `username="${SUPERUSER.username}" password="${SUPERUSER.password}"`;
  const modules = 'org.apache.kafka.common.security';
  return [
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'sasl.mechanism.inter.broker.protocol=PLAIN',
    `listener.name.clients.plain.sasl.jaas.config=${modules}.plain.PlainLoginModule required ${itself} ${plain};`,
    `listener.name.clients.scram-sha-256.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
    `listener.name.clients.scram-sha-512.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    `super.users=User:${SUPERUSER.username};User:ANONYMOUS`,
  ];
}

/** SCRAM's users are records of the cluster, written when it is formatted. */
function scramUsers(users: Readonly<Record<string, string>> | undefined): string[] {
  if (!users) return [];
  const all = Object.entries({ ...users, [SUPERUSER.username]: SUPERUSER.password });
  return all.flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
}

const KEY_STORE = 'keystore.pem';
const CERTIFICATE = 'certificate.pem';

function tlsProperties(directory: string): string[] {
  return [
    'ssl.keystore.type=PEM',
    `ssl.keystore.location=${join(directory, KEY_STORE)}`,
    'ssl.truststore.type=PEM',
    `ssl.truststore.location=${join(directory, CERTIFICATE)}`,
  ];
}

/** A certificate for 127.0.0.1 and localhost that is its own authority. Made by openssl. */
function makeCertificate(directory: string): { pem: string; file: string } {
  const [key, file] = [join(directory, 'key.pem'), join(directory, CERTIFICATE)];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const request = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    file,
  ];
  execFileSync('openssl', [...request, ...subject], { stdio: ['ignore', 'ignore', 'pipe'] });
  const pem = readFileSync(file, 'utf8');
  writeFileSync(join(directory, KEY_STORE), `${readFileSync(key, 'utf8')}${pem}`);
  return { pem, file };
}
