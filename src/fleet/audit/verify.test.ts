import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FREE_LEASE, logKey, MemorySink, ORIGIN } from '../../../test/support/audit.ts';
import { openDirectStore } from '../../../test/support/direct-store.ts';
import { FakeClock, temporaryDir } from '../../../test/support/ports.ts';
import { utf8Decode, utf8Encode } from '../../core/bytes.ts';
import { CHECKPOINT_END, signCheckpoint } from './checkpoint.ts';
import { encodeEntry } from './entry.ts';
import { exportAudit } from './export.ts';
import { MAX_DIFFERENCES, MAX_FINDINGS, MAX_LINE_BYTES } from './limits.ts';
import { EMPTY_ROOT, leafHash, rootOf } from './merkle.ts';
import type { AuditStore } from './ports.ts';
import { Sequencer } from './sequencer.ts';
import { entry } from './store.contract.ts';
import { verifyAudit } from './verify.ts';

const { signer, key } = logKey();

/** A log of so many entries, with checkpoints at the given sizes. */
async function log(sizes: readonly number[], more = 0) {
  const store = await openDirectStore({ path: join(temporaryDir(), 'sealift.db') });
  onTestFinished(() => store.close());
  const clock = new FakeClock();
  const sink = new MemorySink();
  const sequencer = new Sequencer({ store, lease: FREE_LEASE, clock, origin: ORIGIN, signer, sink });
  let appended = 0;
  const append = async (to: number) => {
    await store.appendAudit(Array.from({ length: to - appended }, (_, number) => entry(appended + number)));
    appended = to;
  };
  for (const size of sizes) {
    await append(size);
    clock.advance(60_000);
    await sequencer.round();
  }
  await append(appended + more);
  await sequencer.round();
  return { store, sink };
}

async function linesOf(store: AuditStore, options: { tenant?: string; provenSizes?: readonly number[] } = {}) {
  const lines: string[] = [];
  for await (const line of exportAudit(store, { origin: ORIGIN, ...options })) lines.push(utf8Decode(line) ?? '');
  return lines;
}

const verify = (lines: readonly string[], notes: readonly string[], keys = [key]) =>
  verifyAudit({
    exported: [utf8Encode(lines.join(''))],
    checkpoints: [utf8Encode(notes.map((note) => note + CHECKPOINT_END).join(''))],
    keys,
  });
const wrongs = async (lines: readonly string[], notes: readonly string[], keys = [key]) =>
  (await verify(lines, notes, keys)).findings.map(({ wrong, from }) => (from === null ? wrong : `${wrong} ${from}`));

describe('SEC-25 an export of all tenants', () => {
  it('SEC-25 is a header and a line for each entry, which people can read', async () => {
    const { store, sink } = await log([2]);
    const lines = await linesOf(store);
    expect(lines).toEqual([
      `{"checkpoint":${JSON.stringify(sink.notes[0])},"format":"sealift-audit-export","origin":"${ORIGIN}","size":2,"tenant":null,"version":1}\n`,
      ...[0, 1].map((index) => {
        const leaf = encodeEntry(entry(index));
        const hash = Buffer.from(leafHash(leaf)).toString('base64');
        return `{"entry":${utf8Decode(leaf)},"index":${index},"leaf":"${hash}"}\n`;
      }),
    ]);
    expect(await wrongs(lines, sink.notes)).toEqual([]);
  });

  it('SEC-25 holds at every size, cut at any piece, with all checkpoints or one', async () => {
    for (const sizes of [[1], [1, 2, 3, 4, 5, 6, 7, 8], [5, 31, 32, 33], [499, 500, 501, 1_000]]) {
      const { store, sink } = await log(sizes, 3);
      const lines = await linesOf(store);
      const size = (sizes.at(-1) ?? 0) + 3;
      expect(await verify(lines, sink.notes)).toMatchObject({
        ...{ holds: true, size, entries: size, checkpoints: sizes.length, provenSize: size - 3, findings: [] },
      });
      expect(await verify(lines, sink.notes.slice(0, 1))).toMatchObject({ holds: true });
      const bytes = utf8Encode(lines.join(''));
      const pieces = Array.from({ length: Math.ceil(bytes.length / 11) }, (_, at) =>
        bytes.subarray(11 * at, 11 * at + 11),
      );
      const report = await verifyAudit({
        exported: pieces,
        checkpoints: [utf8Encode(sink.notes.join('\n\n'))],
        keys: [key],
      });
      expect(report.holds).toBe(true);
    }
  });

  it('SEC-25 of an empty log has nothing to prove', async () => {
    const { store } = await log([]);
    expect(await wrongs(await linesOf(store), [])).toEqual(['unproven']);
    const empty = await signCheckpoint({ origin: ORIGIN, size: 0, root: EMPTY_ROOT }, signer);
    expect(await verify(await linesOf(store), [empty])).toMatchObject({ holds: true, checkpoints: 1, provenSize: 0 });
    const other = await signCheckpoint({ origin: ORIGIN, size: 0, root: leafHash(EMPTY_ROOT) }, signer);
    expect(await wrongs(await linesOf(store), [other])).toEqual(['forked 0']);
  });

  it('SEC-25 leaves out what is sequenced while it runs', async () => {
    const { store, sink } = await log([700]);
    const lines: string[] = [];
    for await (const line of exportAudit(store, { origin: ORIGIN })) {
      lines.push(utf8Decode(line) ?? '');
      if (lines.length === 3) {
        await store.appendAudit([entry(700), entry(701)]);
        await store.sequenceAudit(10);
      }
    }
    expect(await verify(lines, sink.notes)).toMatchObject({ holds: true, size: 700, entries: 700 });
  });

  it.each<[string, (lines: string[]) => string[], string[]]>([
    ['a line taken out', (lines) => lines.toSpliced(4, 1), ['deleted 3']],
    [
      'two lines exchanged',
      (lines) => lines.toSpliced(4, 2, lines[5] ?? '', lines[4] ?? ''),
      ['deleted 3', 'reordered 3'],
    ],
    ['a line twice', (lines) => lines.toSpliced(4, 0, lines[3] ?? ''), ['inserted 2']],
    ['the end cut off', (lines) => lines.slice(0, -2), ['truncated 8']],
    ['the last line cut off in the middle', (lines) => lines.toSpliced(-1, 1, '{"entry":{"ac'), ['truncated 9']],
    ['a member changed', (lines) => lines.map((line) => line.replace('"P4"', '"P5"')), ['changed 4']],
    [
      'an entry taken out of its line',
      (lines) => lines.toSpliced(5, 1, (lines[5] ?? '').replace(/"entry":\{.*\},"index"/, '"entry":null,"index"')),
      ['changed 4'],
    ],
    [
      'a hash taken out of its line',
      (lines) => lines.map((line) => line.replace(/"index":4,"leaf":"[^"]*"/, '"index":4,"leaf":null')),
      [],
    ],
    [
      'a line more at the end',
      (lines) => [...lines, (lines[5] ?? '').replace('"index":4', '"index":10')],
      ['inserted 10'],
    ],
    [
      'the last entry under a hash, and itself behind the end',
      (lines) => {
        const last = lines.at(-1) ?? '';
        const hidden = `{"from":9,"hashes":[${/"leaf":("[^"]*")/.exec(last)?.[1]}],"to":10}\n`;
        return lines.toSpliced(-1, 1, hidden, last.replace('"index":9', '"index":10'));
      },
      ['reordered 10'],
    ],
    [
      'a smaller size in the header',
      (lines) => lines.map((line) => line.replace('"size":10', '"size":9')),
      ['inserted 9', 'truncated 9'],
    ],
  ])('SEC-25 %s is found', async (_what, edit, expected) => {
    const { store, sink } = await log([4, 10]);
    expect(await wrongs(edit(await linesOf(store)), sink.notes)).toEqual(expected);
  });

  it('SEC-25 that is older than a checkpoint cannot be told from one that was cut off, and does not pass', async () => {
    const { store, sink } = await log([4, 10]);
    const lines = await linesOf(store);
    const { store: later, sink: laterSink } = await log([4, 10, 12]);
    expect(laterSink.notes.slice(0, 2)).toEqual(sink.notes);
    expect(await wrongs(lines, laterSink.notes)).toEqual(['truncated 10']);
    expect(await wrongs(await linesOf(later), laterSink.notes)).toEqual([]);
  });

  it('SEC-25 needs checkpoints of this log, signed by its key, that agree with each other', async () => {
    const { store, sink } = await log([4, 10]);
    const lines = await linesOf(store);
    const root = leafHash(EMPTY_ROOT);
    expect(await wrongs(lines, [])).toEqual(['unproven']);
    expect(await wrongs(lines, sink.notes, [logKey().key])).toEqual([
      'checkpoint',
      'checkpoint',
      'unproven',
      'checkpoint',
    ]);
    const foreign = logKey('else.example');
    const theirs = await signCheckpoint({ origin: 'else.example', size: 4, root }, foreign.signer);
    expect(await wrongs(lines, [...sink.notes, theirs], [key, foreign.key])).toEqual(['checkpoint']);
    const other = await signCheckpoint({ origin: ORIGIN, size: 4, root }, signer);
    expect(await wrongs(lines, [...sink.notes, other])).toEqual(['forked']);
    expect(await wrongs(lines, [other])).toEqual(['forked 0']);
    const damaged = sink.notes.map((note) => note.replace('\n4\n', '\n5\n'));
    expect(await wrongs(lines, damaged)).toEqual(['checkpoint']);
    expect(await wrongs(lines, [...sink.notes, ...sink.notes.toReversed()])).toEqual([]);
    // The one that the export brings along is one more.
    expect(await verify(lines, sink.notes.slice(0, 1))).toMatchObject({ holds: true, checkpoints: 2, provenSize: 10 });
  });

  it('SEC-10 lists 100 findings and counts the rest; what is not an export is refused', async () => {
    const { store, sink } = await log([400]);
    const lines = await linesOf(store);
    const every = lines.map((line, at) => (at % 2 === 1 ? line.replace('"alice"', '"malice"') : line));
    const report = await verify(every, sink.notes);
    expect(report).toMatchObject({ holds: false, moreFindings: 200 - MAX_FINDINGS });
    expect(report.findings).toHaveLength(MAX_FINDINGS);
    const hidden = (from: number, to: number, count: number) =>
      `{"from":${from},"hashes":[${Array(count).fill('null').join()}],"to":${to}}\n`;
    const [header = '', first = ''] = lines;
    for (const wrong of [
      ...[[], ['\n'], ['{}\n'], ['[]\n'], [first], [header.replace('"version":1', '"version":2')]],
      ...[
        [header, '{}\n'],
        [header, 'x\n'],
        [header, '{"index":0}\n'],
        [header, first.replace('"leaf":"', '"leaf":"A')],
      ],
      ...[
        [header, first.replace('"index":0', '"index":-1')],
        [header, first.replace('"index":0', '"index":0.5')],
      ],
      ...[
        [header, first.replace('{"entry":{', '{"entry":{"actor":1,')],
        [header, `${'x'.repeat(MAX_LINE_BYTES + 1)}\n`],
      ],
      ...[
        [header, hidden(0, 3, 2)],
        [header, hidden(0, 2 ** 50, 2)],
        [header, hidden(3, 3, 0)],
        [header, hidden(398, 402, 4)],
      ],
      [header.replace('"tenant":null', '"tenant":"t"'), hidden(0, 4, 2)],
    ])
      await expect(verify(wrong, sink.notes), wrong.join().slice(-80)).rejects.toMatchObject({ code: 'AUDIT_EXPORT' });
  });

  it('SEC-10 follows no more than 100,000 differences', async () => {
    const size = MAX_DIFFERENCES + 10;
    function* exported() {
      yield utf8Encode(
        `{"checkpoint":null,"format":"sealift-audit-export","origin":"${ORIGIN}","size":${size},"tenant":null,"version":1}\n`,
      );
      const leaf = Buffer.from(EMPTY_ROOT).toString('base64');
      for (let index = 0; index < size; index += 1)
        yield utf8Encode(`{"entry":{"n":${index}},"index":${index},"leaf":"${leaf}"}\n`);
    }
    const note = await signCheckpoint(
      { origin: ORIGIN, size: 3, root: rootOf([EMPTY_ROOT, EMPTY_ROOT, EMPTY_ROOT]) },
      signer,
    );
    const { findings } = await verifyAudit({ exported: exported(), checkpoints: [utf8Encode(note)], keys: [key] });
    expect(findings.map(({ text }) => text)).toEqual(['more than 100000 entries are not what was logged']);
  });
});

describe('SEC-25 an export of one tenant', () => {
  it('SEC-18 shows its entries, and of those of others nothing but hashes', async () => {
    const { store, sink } = await log([40, 100]);
    const lines = await linesOf(store, { tenant: 'u', provenSizes: [40] });
    const text = lines.join('');
    expect([...text.matchAll(/"tenant":"u"/g)]).toHaveLength(1 + 34);
    expect(text).not.toContain('"tenant":"t"');
    expect(text).not.toMatch(/"P(?:1|2|4|50|98)"/);
    expect(await verify(lines, sink.notes)).toMatchObject({
      ...{ holds: true, tenant: 'u', size: 100, entries: 34, checkpoints: 2, provenSize: 100 },
    });
    const nobody = await linesOf(store, { tenant: 'nobody' });
    expect(nobody.slice(1).join('')).toMatch(/^\{"from":0,"hashes":\[("[^"]{44}",?){3}\],"to":100\}\n$/);
    expect(await verify(nobody, sink.notes.slice(1))).toMatchObject({ holds: true, entries: 0, checkpoints: 1 });
  });

  it('SEC-25 proves the checkpoints it was made for, and says of others that it does not', async () => {
    const { store, sink } = await log([40, 100]);
    // Entries of the tenant at 39 and 42: that of 41 lies where nothing is shown.
    const { sink: more } = await log([41]);
    const notes = [...sink.notes, ...more.notes];
    expect(await wrongs(await linesOf(store, { tenant: 'u' }), notes)).toEqual(['unproven']);
    expect(await wrongs(await linesOf(store, { tenant: 'u', provenSizes: [40, 41] }), notes)).toEqual([]);
  });

  it.each<[string, (lines: string[]) => string[], string[]]>([
    ['an entry changed', (lines) => lines.map((line) => line.replace('"P6"', '"P7"')), ['changed 6']],
    [
      'an entry and its hash changed',
      (lines) =>
        lines.map((line) => line.replace('"P6"', '"P7"').replace(/"index":6,"leaf":"[^"]*"/, '"index":6,"leaf":null')),
      ['forked 4'],
    ],
    [
      'a hash of others changed',
      (lines) => lines.map((line) => line.replace(/("from":7,"hashes":\[")[A-Za-z]/, '$1/')),
      ['forked 4'],
    ],
    [
      'a hash of others taken out',
      (lines) => lines.map((line) => line.replace(/("from":7,"hashes":\[)"[^"]*"/, '$1null')),
      ['deleted 7'],
    ],
    ['a line taken out', (lines) => lines.toSpliced(3, 1), ['deleted 3']],
  ])('SEC-25 %s is found', async (_what, edit, expected) => {
    const { store, sink } = await log([4, 10]);
    const lines = await linesOf(store, { tenant: 'u', provenSizes: [4] });
    const edited = edit(lines);
    expect(edited).not.toEqual(lines);
    expect(await wrongs(edited, sink.notes)).toEqual(expected);
  });
});
