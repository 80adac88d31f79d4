import { describe, expect, it } from 'vitest';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../trust/limits.ts';
import type { ListedTarget } from './model.ts';
import { inProofOrder, listedAfter, ProofContent } from './proofs.ts';

const SHA256 = 'ab'.repeat(32);
const listed = (role: string, ...paths: readonly string[]): ListedTarget[] =>
  paths.map((path) => ({ role, path, sha256: SHA256, hardwareIds: ['hw'] }));
const namesOf = (targets: readonly ListedTarget[]) => targets.map(({ role, path }) => `${role} ${path}`);

describe('SEC-22 the order in which a proof names targets', () => {
  it('SEC-22 ours first, by path; suppliers by turns, in the order of their delegations', () => {
    const all = [
      ...listed('aaa', 'a/1', 'a/2', 'a/3'),
      ...listed('bins-0', 'z/1'),
      ...listed('gone', 'g/1'),
      ...listed('rival', 'r/1', 'r/2'),
      ...listed('targets', 'y/\u{10000}', 'y/\ue000'),
    ];
    expect(namesOf(inProofOrder(all, ['rival', 'idle', 'aaa', 'bins']))).toEqual([
      ...['targets y/\ue000', 'targets y/\u{10000}', 'bins-0 z/1'],
      ...['rival r/1', 'aaa a/1', 'rival r/2', 'aaa a/2', 'aaa a/3'],
    ]);
  });

  it('SEC-22 what is about to be published takes the place of what its role listed before', () => {
    const stored = [...listed('acme', 'a/1'), ...listed('rival', 'r/1')];
    const [target = { path: '', sha256: '', hardwareIds: [] }] = listed('acme', 'a/3');
    const targets = [
      target,
      { ...target, path: 'a/2' },
      { ...target, path: 'a/4' },
      { ...target, path: 'a/0', sha256: 'cd'.repeat(32) },
      { ...target, path: 'a/1', hardwareIds: ['hw2'] },
    ];
    const bytes = new Uint8Array();
    const files = [
      { role: 'acme', version: 2, bytes, targets },
      { role: 'timestamp', version: 2, bytes },
    ];
    const listedFor = (hardware: string | undefined, limit: number) =>
      namesOf(listedAfter(stored, files, { sha256: SHA256, hardware, limit }));
    expect(listedFor('hw', 2)).toEqual(['rival r/1', 'acme a/2', 'acme a/3']);
    expect(listedFor(undefined, 9)).toEqual(['rival r/1', 'acme a/1', 'acme a/2', 'acme a/3', 'acme a/4']);
    expect(listedFor('hw3', 9)).toEqual(['rival r/1']);
  });
});

describe('SEC-22 what a proof has room for', () => {
  const above = new Map([
    ['1.root.json', Buffer.from('{"root":1}')],
    ['timestamp.json', Buffer.from('{}')],
  ]);
  const file = (sizeBytes: number) => Buffer.from(`{"x":"${'x'.repeat(sizeBytes - 8)}"}`);

  it('SEC-22 holds all but the first root, and each file once', () => {
    const content = new ProofContent(above);
    const files = new Map([['1.acme.json', Buffer.from('{"a":1}')]]);
    content.add('a/1', files);
    content.add('a/1', new Map());
    content.add('a/2', files);
    expect(Buffer.from(content.write()).toString()).toBe(
      '{"_type":"sealift-release-proof","documents":{"1.acme.json":{"a":1},"timestamp.json":{}},"paths":["a/1","a/2"]}',
    );
  });

  it('SEC-10 takes what fits and leaves out what does not, whatever came before', () => {
    const content = new ProofContent(above);
    content.add('ours', new Map([['1.ours.json', file(2 ** 20)]]));
    for (const name of ['one', 'two', 'three']) content.add(name, new Map([[`1.${name}.json`, file(7 * 2 ** 20)]]));
    content.add('small', new Map([['1.small.json', file(2 ** 19)]]));
    content.add('two/more', new Map([['1.two.json', file(7 * 2 ** 20)]]));
    expect([...content.paths]).toEqual(['ours', 'one', 'two', 'small', 'two/more']);
    const lengthBytes = content.write().length;
    expect(lengthBytes).toBeLessThanOrEqual(MAX_PROOF_BYTES);
    content.add('last', new Map([['1.last.json', file(MAX_PROOF_BYTES - lengthBytes - 20)]]));
    expect(content.paths.has('last')).toBe(false);
  });

  it('SEC-10 names no more paths than a device reads', () => {
    const content = new ProofContent(above);
    for (let path = 0; path <= MAX_PROOF_PATHS; path += 1) content.add(`path/${path}`, new Map());
    content.add('path/0', new Map([['1.more.json', file(16)]]));
    expect([content.paths.size, content.isFull, content.paths.has(`path/${MAX_PROOF_PATHS}`)]).toEqual([
      ...[MAX_PROOF_PATHS, true, false],
    ]);
    expect(Buffer.from(content.write()).toString()).toContain('1.more.json');
  });
});
