// The fingerprint of an Avro schema: CRC-64-AVRO of its Parsing Canonical Form. Source: Avro specification,
// "Schema Fingerprints" and "Single-object encoding".

const EMPTY = 0xc15d213aa4d7a795n;

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (EMPTY & -(crc & 1n));
  return BigInt.asUintN(64, crc);
});

/** 8 bytes, little-endian, as they stand in front of a record. `canonical` is the schema's canonical form. */
export function fingerprint(canonical: string): Buffer {
  let crc = EMPTY;
  for (const byte of Buffer.from(canonical)) {
    crc = (crc >> 8n) ^ (TABLE[Number((crc ^ BigInt(byte)) & 0xffn)] ?? 0n);
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(crc);
  return bytes;
}
