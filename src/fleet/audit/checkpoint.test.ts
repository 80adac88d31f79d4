import { describe, expect, it } from 'vitest';
import { logKey, ORIGIN } from '../../../test/support/audit.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { generateSigner } from '../../trust/keys.ts';
import { CHECKPOINT_END, openCheckpoint, openCheckpoints, signCheckpoint } from './checkpoint.ts';
import { AuditError } from './errors.ts';
import { MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES } from './limits.ts';
import { leafHash } from './merkle.ts';
import { isWholeNote, openNote, parseVerifierKey, signNote, verifierKey } from './note.ts';

const { signer, key } = logKey();
const witness = logKey('witness.example/w1');
const root = leafHash(utf8Encode('a'));
const head = { origin: ORIGIN, size: 20_852_163, root };
const note = await signCheckpoint(head, signer);
const next = await signCheckpoint({ ...head, size: 20_852_170 }, signer);
const open = (text: string, keys = [key]) => openCheckpoint(utf8Encode(text), keys);
/** The text of another checkpoint, rightly signed. */
const signed = (text: string) => signNote(text, [{ name: ORIGIN, signer }]);
const codeOf = (work: () => unknown) => {
  try {
    work();
    return 'taken';
  } catch (error) {
    if (error instanceof AuditError) return error.code;
    throw error;
  }
};

describe('SEC-25 signed notes', () => {
  // From the specification (C2SP signed-note).
  const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
  const NOTE =
    'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

  it('SEC-25 the example of the specification is verified by its key', () => {
    const example = parseVerifierKey(VKEY);
    expect(verifierKey(example)).toBe(VKEY);
    const { text, signedBy } = openNote(utf8Encode(NOTE), [example]);
    expect([text, signedBy.map(({ name }) => name)]).toEqual(['This is an example message.\n', ['example.com/foo']]);
    expect(codeOf(() => openNote(utf8Encode(NOTE.replace('message', 'massage')), [example]))).toBe('AUDIT_SIGNATURE');
  });

  it.each([
    ['nothing', ''],
    ['another key id', VKEY.replace('530d903a', '530d903b')],
    ['a key id in capitals', VKEY.replace('530d903a', '530D903A')],
    ['another signature type', VKEY.replace('+Aek', '+Bek')],
    ['a byte less', VKEY.replace('3U2k', '3U0=')],
    ['a name with a space', VKEY.replace('/foo', '/fo o')],
    ['no name', VKEY.replace('example.com/foo', '')],
    ['PEM', '-----BEGIN PUBLIC KEY-----'],
  ])('SEC-10 %s is no verifier key', (_what, text) => {
    expect(codeOf(() => parseVerifierKey(text))).toBe('AUDIT_KEY');
  });

  it('SEC-25 keys of other kinds and names that are none do not sign', async () => {
    const { signer: other } = generateSigner('ecdsa');
    await expect(signNote('a\n', [{ name: 'a', signer: other }])).rejects.toMatchObject({ code: 'AUDIT_KEY' });
    for (const name of ['', 'a b', 'a+b', 'a\u2003b', 'a\nb', 'x'.repeat(300)])
      await expect(signNote('a\n', [{ name, signer }])).rejects.toMatchObject({ code: 'AUDIT_KEY' });
  });
});

describe('SEC-25 checkpoints', () => {
  it('SEC-25 are three lines, an empty one, and signatures', () => {
    const base64 = Buffer.from(root).toString('base64');
    expect(note).toMatch(
      /^updates\.example\/audit\n20852163\n[^\n]{44}\n\n— updates\.example\/audit [A-Za-z0-9+/]{91}=\n$/,
    );
    expect(note.split('\n')[2]).toBe(base64);
    expect(open(note)).toEqual({ ...head, signedBy: [ORIGIN] });
  });

  it('SEC-25 take signatures of witnesses beside that of the log, and need that of the log', async () => {
    const text = note.slice(0, note.indexOf('\n\n') + 1);
    const both = await signNote(text, [
      { name: ORIGIN, signer },
      { name: witness.key.name, signer: witness.signer },
    ]);
    expect(open(both).signedBy).toEqual([ORIGIN]);
    expect(open(both, [key, witness.key]).signedBy).toEqual([ORIGIN, witness.key.name]);
    expect(codeOf(() => open(both, [witness.key]))).toBe('AUDIT_SIGNATURE');
    const foreign = `${both}— else.example AAAAAAEC\n`;
    expect(open(foreign, [key, witness.key]).signedBy).toHaveLength(2);
    // A signature of a key that we know has to hold.
    const [, , , , own = '', theirs = ''] = both.split('\n');
    const forged = both.replace(theirs, `${theirs.slice(0, -8)}AAAAAAA=`);
    expect(codeOf(() => open(forged, [key, witness.key]))).toBe('AUDIT_SIGNATURE');
    expect(open(forged).signedBy).toEqual([ORIGIN]);
    expect(codeOf(() => open(both.replace(own, `${own.slice(0, -8)}AAAAAAA=`)))).toBe('AUDIT_SIGNATURE');
    expect(codeOf(() => open(both, [logKey().key]))).toBe('AUDIT_SIGNATURE');
  });

  it.each([
    ['size with a zero before', `${ORIGIN}\n007\n${Buffer.from(root).toString('base64')}\n`],
    ['a negative size', `${ORIGIN}\n-7\n${Buffer.from(root).toString('base64')}\n`],
    ['a size that is not exact', `${ORIGIN}\n9007199254740993\n${Buffer.from(root).toString('base64')}\n`],
    ['a size in hex', `${ORIGIN}\n0x7\n${Buffer.from(root).toString('base64')}\n`],
    ['a short root', `${ORIGIN}\n7\nAAAA\n`],
    ['a root without padding', `${ORIGIN}\n7\n${Buffer.from(root).toString('base64').slice(0, -1)}\n`],
    ['no root', `${ORIGIN}\n7\n`],
    ['no origin', `\n7\n${Buffer.from(root).toString('base64')}\n`],
    ['an origin with a space', `a b\n7\n${Buffer.from(root).toString('base64')}\n`],
    ['an empty line', `${ORIGIN}\n7\n${Buffer.from(root).toString('base64')}\n\nmore\n`],
    ['an empty line at the end', `${ORIGIN}\n7\n${Buffer.from(root).toString('base64')}\n\n`],
  ])('SEC-10 %s is refused, rightly signed', async (_what, text) => {
    const wrong = await signed(text);
    expect(codeOf(() => open(wrong))).toBe('AUDIT_CHECKPOINT');
  });

  it('SEC-25 may have further lines, which are signed', async () => {
    const longer = await signed(`${ORIGIN}\n7\n${Buffer.from(root).toString('base64')}\nmore\n`);
    expect(open(longer)).toMatchObject({ size: 7 });
    expect(codeOf(() => open(longer.replace('more', 'less')))).toBe('AUDIT_SIGNATURE');
  });

  it.each([
    ['no signature', note.slice(0, note.indexOf('—'))],
    ['no line end', note.slice(0, -1)],
    ['a carriage return', note.replace('\n', '\r\n')],
    ['a tab', note.replace('20852163', '20852163\t')],
    ['a hyphen for the dash', note.replace('—', '-')],
    ['two spaces', note.replace('— ', '—  ')],
    ['something behind the signature', note.replace(/=\n$/, '= x\n')],
    ['a signature in another spelling', note.replace(/=\n$/, '\n')],
    ['the same signature twice', `${note}${note.slice(note.indexOf('—'))}`],
    [
      'too many signatures',
      note + Array.from({ length: MAX_NOTE_SIGNATURES }, (_, n) => `— w${n} AAAAAAEC\n`).join(''),
    ],
    ['too many bytes', `${note}— w ${'A'.repeat(MAX_NOTE_BYTES)}\n`],
  ])('SEC-10 with %s they are refused', (_what, wrong) => {
    expect(codeOf(() => open(wrong))).toBe('AUDIT_CHECKPOINT');
  });

  it('SEC-10 no byte can be another, none missing', () => {
    const bytes = utf8Encode(note);
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      expect(codeOf(() => openCheckpoint(damaged, [key]))).toMatch(/^AUDIT_(?:CHECKPOINT|SIGNATURE)$/);
      expect(codeOf(() => openCheckpoint(bytes.subarray(0, at), [key]))).toMatch(/^AUDIT_(?:CHECKPOINT|SIGNATURE)$/);
      expect(isWholeNote(new TextDecoder().decode(bytes.subarray(0, at)))).toBe(false);
    }
    expect(isWholeNote(note)).toBe(true);
  });
});

describe('SEC-25 a file of checkpoints', () => {
  const sizes = async (text: string | Uint8Array) => {
    const bytes = typeof text === 'string' ? utf8Encode(text) : text;
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => bytes.subarray(7 * at, 7 * at + 7));
    const found: (number | string)[] = [];
    for await (const one of openCheckpoints(pieces, [key])) found.push(one instanceof AuditError ? one.code : one.size);
    return found;
  };
  it('SEC-25 has one after another, the last with its end or without', async () => {
    expect(await sizes('')).toEqual([]);
    for (const end of ['', '\n', CHECKPOINT_END, `${CHECKPOINT_END}\n\n`])
      expect(await sizes(note + CHECKPOINT_END + next + end)).toEqual([20_852_163, 20_852_170]);
  });

  it('SEC-25 may have the beginning of one that a power cut tore, closed off before the whole of it, or at its end', async () => {
    const bytes = utf8Encode(next);
    // Without its last line end it is whole already.
    for (let length = 1; length < bytes.length - 1; length += 1) {
      const torn = Buffer.concat([utf8Encode(note + CHECKPOINT_END), bytes.subarray(0, length)]);
      expect(await sizes(torn)).toEqual([20_852_163]);
      const whole = Buffer.concat([torn, utf8Encode(`\n${CHECKPOINT_END}${next}${CHECKPOINT_END}`)]);
      expect(await sizes(whole)).toEqual([20_852_163, 20_852_170]);
    }
  });

  it('SEC-25 has nothing else: what does not hold is told', async () => {
    const damaged = note.replace('20852163', '20852164');
    expect(await sizes(damaged + CHECKPOINT_END + next)).toEqual(['AUDIT_SIGNATURE', 20_852_170]);
    expect(await sizes(`noise${CHECKPOINT_END}\n${next}`)).toEqual(['AUDIT_CHECKPOINT', 20_852_170]);
    expect(await sizes(note + CHECKPOINT_END + damaged + CHECKPOINT_END)).toEqual([20_852_163, 'AUDIT_SIGNATURE']);
    await expect(sizes('x'.repeat(MAX_NOTE_BYTES + 1))).rejects.toMatchObject({ code: 'AUDIT_CHECKPOINT' });
    await expect(sizes('x\n'.repeat(MAX_NOTE_BYTES))).rejects.toMatchObject({ code: 'AUDIT_CHECKPOINT' });
  });
});
