/** A device that lacks one file, for tests that serve a bad one in its place. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { OtaError } from '../../src/core/errors.ts';
import { refusalOf, type TestDevice, TestRepository, type TestTargets, targetOf, testKey } from './repository.ts';

export const ROLES = ['root', 'timestamp', 'snapshot', 'targets', 'supplier'] as const;
export type Role = (typeof ROLES)[number];

/** One key signs everything, which keeps files small and tests short. */
export const key = testKey('hostile');
export const role = { keys: [key], threshold: 1 };

export interface Victim {
  /** The newest file of the role, which the device lacks; all before it in the order of an update it has. */
  readonly good: Uint8Array;
  /** Serves these bytes in its place. @returns the refusal, after which nothing stored has changed */
  refuse(bytes: Uint8Array): OtaError;
  /** @returns what the device trusts of the role afterwards */
  accept(bytes: Uint8Array): Uint8Array | undefined;
}

export function victimOf(name: Role): Victim {
  const repository = new TestRepository();
  const supplier: TestTargets = { ...role, targets: new Map([['x', targetOf('x')]]) };
  Object.assign(repository, { root: role, timestamp: role, snapshot: role, top: { ...role, targets: new Map() } });
  repository.delegated.set('supplier', supplier);
  repository.top.delegations = [
    { name: 'supplier', keys: [key.publicKey], threshold: 1, terminating: false, paths: ['x'] },
  ];
  const device = repository.publish().device();
  device.find('x');
  repository.publish();
  // Without a hash, or the snapshot would be refused for that.
  repository.rewrite('timestamp', { meta: { 'snapshot.json': { version: 2 } } });
  const [file, good] = [repository.nameOf(name), repository.fileOf(name)];
  repository.files.delete(file);
  if (name === 'root') device.find('x');
  else expect(refusalOf(() => device.find('x'))).toMatchObject({ code: 'TRUST_MISSING', detail: { role: name } });
  return {
    good,
    refuse(bytes) {
      repository.files.set(file, bytes);
      const before = digestOf(device);
      const refusal = refusalOf(() => device.find('x'));
      expect(digestOf(device)).toBe(before);
      expect(refusal.name).toBe('TrustError');
      expect(refusal.detail.role).toBe(name);
      return refusal;
    },
    accept(bytes) {
      repository.files.set(file, bytes);
      device.find('x');
      return device.stored.get(name);
    },
  };
}

function digestOf({ stored }: TestDevice): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of [...stored].toSorted(([left], [right]) => (left < right ? -1 : 1)))
    hash.update(`${name} ${bytes.length} `).update(bytes);
  return hash.digest('hex');
}
