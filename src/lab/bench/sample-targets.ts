/** Targets metadata as our releases make it, one artifact per entry; the same for the same count. Names stand in order. */
import { createHash } from 'node:crypto';

export function sampleTargets(count: number) {
  const paths = Array.from({ length: count }, (_, index) => `firmware/1.${String(index).padStart(5, '0')}.0/corecell`);
  const digest = (path: string) => createHash('sha256').update(path).digest('hex');
  return {
    _type: 'targets',
    delegations: { keys: {}, roles: [] },
    expires: '2027-01-01T00:00:00Z',
    spec_version: '1.0.31',
    targets: Object.fromEntries(
      paths.map((path, index) => [
        path,
        {
          custom: { component: 'firmware', hardwareIds: ['corecell'], version: `1.${index}.0` },
          hashes: { sha256: digest(path) },
          length: 20_000_000 + index,
        },
      ]),
    ),
    version: 7,
  };
}
