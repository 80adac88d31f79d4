/** What every adapter of the Vault port must do. */
import { describe, expect, it } from 'vitest';
import { everyPrintOf, leaks } from '../../test/support/canary.ts';
import { generateSigner, type SchemeName } from './keys.ts';
import type { Vault } from './vault.ts';

const SCHEME_NAMES: readonly SchemeName[] = [
  ...([
    'ed25519',
    'ecdsa-sha2-nistp256',
    'rsassa-pss-sha256',
    'rsa-pkcs1v15-sha256',
    'ml-dsa-44',
    'cups-p256-sha512',
  ] as const),
];
const message = Buffer.from('message');

/** @param make gives a fresh, empty vault, and a way to open the same one a second time, as after a restart */
export function describeVault(name: string, make: () => Promise<{ vault: Vault; reopen(): Promise<Vault> }>): void {
  const labels = async (vault: Vault) => (await vault.keys()).map(({ label }) => label);

  describe(`SEC-21 ${name} keeps keys`, () => {
    it.each(SCHEME_NAMES)('SEC-21 makes %s keys that sign, now and after a restart', async (scheme) => {
      const { vault, reopen } = await make();
      const made = await vault.generate('snapshot', scheme);
      expect(made.scheme).toBe(scheme);
      for (const one of [vault, await reopen()]) {
        const signer = await one.signer('snapshot');
        expect(signer.publicKey.keyId).toBe(made.keyId);
        expect(made.verify(message, await signer.sign(message))).toBe(true);
      }
    });

    it('SEC-21 takes keys from elsewhere, with the scheme that is asked for', async () => {
      const { vault, reopen } = await make();
      const rsa = generateSigner('rsa-pkcs1v15-sha256');
      const taken = [
        await vault.import('timestamp', generateSigner('ed25519').pem),
        await vault.import('srup', rsa.pem, 'rsa-pkcs1v15-sha256'),
        await vault.import('pss', rsa.pem),
      ];
      expect(taken.map(({ scheme }) => scheme)).toEqual(['ed25519', 'rsa-pkcs1v15-sha256', 'rsassa-pss-sha256']);
      expect(rsa.signer.publicKey.verify(message, await (await (await reopen()).signer('srup')).sign(message))).toBe(
        true,
      );
    });

    it('SEC-21 lists them by label, with the time they came', async () => {
      const { vault } = await make();
      expect(await vault.keys()).toEqual([]);
      for (const label of ['b', 'c', 'a.2', 'a']) await vault.generate(label, 'ed25519');
      expect(await labels(vault)).toEqual(['a', 'a.2', 'b', 'c']);
      for (const { createdAtMs } of await vault.keys()) expect(createdAtMs).toBeGreaterThan(Date.UTC(2020));
    });

    it('SEC-21 gives each label once, also to those who ask at once, and never loses a key over it', async () => {
      const { vault } = await make();
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => vault.generate('snapshot', 'ed25519')));
      const [winner] = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      expect(refusals).toMatchObject([{ code: 'VAULT_KEY_EXISTS' }, { code: 'VAULT_KEY_EXISTS' }]);
      await expect(vault.import('snapshot', generateSigner('ed25519').pem)).rejects.toMatchObject({
        code: 'VAULT_KEY_EXISTS',
      });
      expect((await vault.keys()).map(({ publicKey }) => publicKey.keyId)).toEqual([winner?.keyId]);
    });

    it('SEC-21 a destroyed key signs no more, also where its signer was given out; its label is free', async () => {
      const { vault, reopen } = await make();
      const old = await vault.generate('snapshot', 'ed25519');
      const signer = await vault.signer('snapshot');
      await signer.sign(message);
      await vault.destroy('snapshot');
      await expect(signer.sign(message)).rejects.toMatchObject({ code: 'VAULT_KEY_UNKNOWN' });
      await expect(vault.signer('snapshot')).rejects.toMatchObject({ code: 'VAULT_KEY_UNKNOWN' });
      await expect(vault.destroy('snapshot')).rejects.toMatchObject({ code: 'VAULT_KEY_UNKNOWN' });
      expect(await labels(await reopen())).toEqual([]);
      const fresh = await vault.generate('snapshot', 'ed25519');
      expect(fresh.fingerprint).not.toBe(old.fingerprint);
      await expect(signer.sign(message)).rejects.toMatchObject({ code: 'VAULT_KEY_UNKNOWN' });
      expect(fresh.verify(message, await (await vault.signer('snapshot')).sign(message))).toBe(true);
    });

    it.each(['', 'A', '../key', 'a/b', '.hidden', '__proto__', 'a b', 'a\n', 'ä', 'a'.repeat(65)])(
      'SEC-11 takes no label %j',
      async (label) => {
        const { vault } = await make();
        await expect(vault.generate(label, 'ed25519')).rejects.toMatchObject({ code: 'VAULT_LABEL' });
        await expect(vault.import(label, generateSigner('ed25519').pem)).rejects.toMatchObject({ code: 'VAULT_LABEL' });
        await expect(vault.signer(label)).rejects.toMatchObject({ code: 'VAULT_LABEL' });
        await expect(vault.destroy(label)).rejects.toMatchObject({ code: 'VAULT_LABEL' });
      },
    );

    it('SEC-7 takes no key that cannot sign', async () => {
      const { vault } = await make();
      await expect(vault.import('a', 'no key')).rejects.toMatchObject({ code: 'TRUST_KEY' });
      const { pem } = generateSigner('ed25519');
      await expect(vault.import('a', pem, 'ml-dsa-44')).rejects.toMatchObject({ code: 'TRUST_UNSUPPORTED' });
      expect(await vault.keys()).toEqual([]);
    });

    it('SEC-21 forgets at its close; signers stop', async () => {
      const { vault } = await make();
      const waiting = vault.generate('snapshot', 'ed25519').then(() => vault.signer('snapshot'));
      const signer = await waiting;
      await vault.close();
      await vault.close();
      const { pem } = generateSigner('ed25519');
      for (const call of [
        () => vault.keys(),
        () => vault.signer('snapshot'),
        () => vault.generate('a', 'ed25519'),
        () => vault.import('a', pem),
        () => vault.destroy('snapshot'),
        () => signer.sign(message),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'VAULT_CLOSED' });
      }
    });

    it.each(['ed25519', 'ecdsa', 'rsa', 'ml-dsa'] as const)(
      'SEC-21 shows no private %s key in what it returns, throws or is',
      async (keyType) => {
        const { vault } = await make();
        const { pem } = generateSigner(keyType);
        const outcomes = await Promise.allSettled([
          ...[vault.import('canary', pem), vault.import('canary', pem), vault.import(pem, pem), vault.signer(pem)],
          ...[vault.import('a', pem, 'ed25519'), vault.import('b', pem.slice(0, -30)), vault.destroy(pem)],
          ...[vault.generate('canary', 'ed25519'), vault.signer('canary'), vault.keys()],
        ]);
        const values = outcomes.map((one): unknown => (one.status === 'rejected' ? one.reason : one.value));
        const printed = [vault, ...values].map(everyPrintOf).join('\n');
        expect(printed).toContain('VAULT_KEY_EXISTS');
        expect(leaks(printed, [pem])).toEqual([]);
      },
    );
  });

  describe(`REL-2 ${name} keeps what it acknowledged`, () => {
    it('REL-2 what was made at once is all there, here and for whoever opens it', async () => {
      const { vault, reopen } = await make();
      const wanted = Array.from({ length: 10 }, (_, index) => `key-${index}`);
      const other = await reopen();
      const [odd, even] = [wanted.filter((_, index) => index % 2 === 1), wanted.filter((_, index) => index % 2 === 0)];
      await Promise.all([
        ...odd.map((label) => vault.generate(label, 'ed25519')),
        ...even.map((label) => other.generate(label, 'ed25519')),
      ]);
      for (const one of [vault, other, await reopen()]) expect(await labels(one)).toEqual(wanted);
    });
  });
}
