// Where Kafka is and how to get in: `kafka://user:password@host:port,host:port?tls=true&sasl=scram-sha-512`. What
// stands in variables of its own (HOOKLANE_KAFKA_…) stands above what the URL says, so that secrets can stay out of it.

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

/** What a kafka:// URL says. */
export interface KafkaUrl {
  /** `host:port`; IPv6 addresses are not known to the client. */
  brokers: readonly string[];
  tls: boolean;
  mechanism: SaslMechanism | undefined;
  username: string | undefined;
  password: string | undefined;
}

/** Everything the engine has to know of Kafka. */
export interface KafkaConfig {
  readonly brokers: readonly string[];
  /** Undefined: no TLS. `caFile`: a PEM file with who signs the brokers' certificates; else the system's are trusted. */
  readonly tls: { readonly caFile: string | undefined } | undefined;
  readonly sasl:
    | { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string }
    | undefined;
  /** Copies of each partition of topics that are made; undefined: as the broker has it. */
  readonly replication: number | undefined;
  /** For how long topics that are made keep what integrations sent and what became of webhooks; undefined: for ever. */
  readonly retentionMs: number | undefined;
  /** After so long without a sign of life a process counts as dead, and others take over what it had. */
  readonly sessionMs: number;
}

export const KAFKA_URL_ALLOWED =
  'sqlite, or kafka://host:port,host:port with user:password@ before the hosts, and ?tls=true&sasl=' +
  `${SASL_MECHANISMS.join('|')} behind them, where they are needed`;

const DEFAULT_PORT = 9092;
const BROKER = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)(?::(\d{1,5}))?$/i;

/** Undefined: not allowed. */
export function parseKafkaUrl(text: string): KafkaUrl | undefined {
  const [whole, login, hosts = '', query = ''] =
    /^kafka:\/\/(?:([^@/?#]*)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const brokers = hosts.split(',').map(brokerOf);
  const credentials = login === undefined ? {} : loginOf(login);
  const options = optionsOf(query);
  if (brokers.includes(undefined) || credentials === undefined || options === undefined) return undefined;
  return {
    brokers: brokers.filter((broker) => broker !== undefined),
    username: credentials.username,
    password: credentials.password,
    ...options,
  };
}

function brokerOf(text: string): string | undefined {
  const [, host, , port = DEFAULT_PORT] = BROKER.exec(text) ?? [];
  return host !== undefined && Number(port) >= 1 && Number(port) <= 65_535 ? `${host}:${port}` : undefined;
}

function loginOf(text: string): { username?: string; password?: string } | undefined {
  const [username = '', ...rest] = text.split(':');
  if (username === '' || rest.length > 1) return undefined;
  try {
    const password = rest[0] === undefined ? {} : { password: decodeURIComponent(rest[0]) };
    return { username: decodeURIComponent(username), ...password };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function optionsOf(query: string): Pick<KafkaUrl, 'tls' | 'mechanism'> | undefined {
  const { tls = 'false', sasl, ...others } = Object.fromEntries(new URLSearchParams(query));
  const mechanism = SASL_MECHANISMS.find((known) => known === sasl);
  const isKnown = Object.keys(others).length === 0 && (sasl === undefined || mechanism !== undefined);
  return isKnown && (tls === 'true' || tls === 'false') ? { tls: tls === 'true', mechanism } : undefined;
}
