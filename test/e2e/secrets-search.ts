// Looks for secrets wherever Hooklane keeps or says anything (files, records of topics, documents, output), however they
// are written: as they are, escaped, in base64 or in hexadecimal.

import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { loadConfig } from '../../src/config.ts';
import { TOPICS } from '../../src/events.ts';
// Also for what it mends in kafkajs, which would warn of timers.
import { openLog } from '../../src/open.ts';
import { waitFor } from '../support/wait.ts';
import type { Environment } from './hooklane.ts';

/** Something that was looked at, and what is in it. */
export interface Place {
  name: string;
  bytes: Buffer;
}

/** Which secret, by its name, stands in which place. */
export function findSecrets(secrets: ReadonlyMap<string, string>, places: readonly Place[]): string[] {
  return [...secrets].flatMap(([name, secret]) => {
    const spellings = spellingsOf(secret);
    const isIn = ({ bytes }: Place) => spellings.some((spelling) => bytes.includes(spelling));
    return places.filter(isIn).map((place) => `${name} in ${place.name}`);
  });
}

function spellingsOf(secret: string): string[] {
  const hex = Buffer.from(secret).toString('hex');
  const escaped = [JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
  return [secret, ...escaped, hex, hex.toUpperCase(), ...inBase64(Buffer.from(secret))];
}

/** As it stands in base64 and in base64url, also within something longer, where it begins at any of three places. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // What stands at the ends depends on what is beside it.
    const own = text.slice(before === 0 ? 0 : before + 1, -1);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** All files of a directory but those in which a secret is kept. */
export function filesOf(directory: string): Place[] {
  return globSync(join(directory, '**'))
    .filter((path) => !['admin-token', 'master-key', basename(directory)].includes(basename(path)))
    .map((path) => ({ name: basename(path), bytes: readFileSync(path) }));
}

/** All records of the topics, and all documents of the collections; none where the engines keep files. */
export async function recordsOf(env: Environment): Promise<Place[]> {
  const { HOOKLANE_LOG = 'sqlite', HOOKLANE_TOPIC_PREFIX = '', HOOKLANE_VIEWS = '' } = env;
  if (HOOKLANE_LOG === 'sqlite') return [];
  return [
    ...(await recordsOfTopics(env, HOOKLANE_LOG, HOOKLANE_TOPIC_PREFIX)),
    ...(await documentsIn(HOOKLANE_VIEWS)),
  ];
}

async function recordsOfTopics(env: Environment, url: string, prefix: string): Promise<Place[]> {
  const events = await countOf(env);
  const kafka = new Kafka({ brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
  // What was taken back is looked at as well.
  const consumer = kafka.consumer({ groupId: `search-${randomUUID()}`, readUncommitted: true });
  const places: Place[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: TOPICS.map((topic) => prefix + topic), fromBeginning: true });
    await consumer.run({
      async eachMessage({ topic, message: { key, value, headers = {} } }) {
        const parts = [key, value, ...Object.entries(headers).flat(2)];
        const bytes = Buffer.concat(parts.map((part) => Buffer.from(part ?? '')));
        places.push({ name: topic, bytes });
      },
    });
    await waitFor('all records to be read', () => places.length >= events, 30_000);
  } finally {
    await consumer.disconnect();
  }
  return places;
}

async function countOf(env: Environment): Promise<number> {
  const log = await openLog(loadConfig(env), { serve: false });
  let events = 0;
  try {
    for (const topic of TOPICS) for await (const batch of log.read(topic)) events += batch.events.length;
  } finally {
    await log.close();
  }
  return events;
}

async function documentsIn(url: string): Promise<Place[]> {
  const client = new MongoClient(url);
  const places: Place[] = [];
  try {
    for (const { name } of await client.db().listCollections().toArray()) {
      // As they are kept, undecoded.
      for await (const document of client.db().collection(name).find({}, { raw: true })) {
        if (!Buffer.isBuffer(document)) throw new Error('not raw');
        places.push({ name, bytes: document });
      }
    }
  } finally {
    await client.close();
  }
  return places;
}
