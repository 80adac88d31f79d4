/** Certificates and CRLs made by OpenSSL, and its own opinion of them. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './programs.ts';

const KEYS = {
  p256: ['EC', 'ec_paramgen_curve:P-256'],
  p384: ['EC', 'ec_paramgen_curve:P-384'],
  p521: ['EC', 'ec_paramgen_curve:P-521'],
  ed25519: ['ED25519'],
  rsa1024: ['RSA', 'rsa_keygen_bits:1024'],
  rsa2048: ['RSA', 'rsa_keygen_bits:2048'],
  rsaExponent3: ['RSA', 'rsa_keygen_bits:2048', 'rsa_keygen_pubexp:3'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export interface Recipe {
  /** `/CN=...`; one key pair for each subject and kind of key. */
  readonly subject: string;
  readonly key: keyof typeof KEYS;
  /** Absent: it signs itself. */
  readonly issuer?: Recipe;
  /** As in a configuration file of OpenSSL; an empty value leaves one out. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Default `sha256`; Ed25519 needs none. */
  readonly digest?: string;
  /** `-sigopt` each. */
  readonly signatureOptions?: readonly string[];
  readonly serial?: string;
  /** From the second in which it is made. */
  readonly days: number;
}

export interface VerifyOptions {
  readonly purpose: 'sslserver' | 'sslclient' | 'any';
  readonly hostName?: string | undefined;
  readonly atSeconds: number;
  /** PEM files; then each certificate needs the CRL of its issuer. */
  readonly crls?: readonly string[];
}

/** Makes each certificate once. */
export class OpensslWorkshop {
  readonly #dir: string;
  readonly #made = new Map<string, Promise<string>>();
  #files = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** DER. */
  async certificate(recipe: Recipe): Promise<Uint8Array> {
    return new Uint8Array(new X509Certificate(readFileSync(await this.#certificateFile(recipe))).raw);
  }

  /** A CRL of this authority with these certificates on it; its file. */
  async crl(authority: Recipe, revoked: readonly Recipe[]): Promise<string> {
    const serials = await Promise.all(
      revoked.map(
        async (recipe) => new X509Certificate(readFileSync(await this.#certificateFile(recipe))).serialNumber,
      ),
    );
    const database = this.#write(
      serials.map((serial) => `R\t491231235959Z\t260101000000Z\t${serial}\tunknown\t/CN=x\n`).join(''),
    );
    const config = this.#write(
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${database}\ndefault_md=sha256\ndefault_crl_days=30\n`,
    );
    const file = this.#file();
    const [key, certificate] = [await this.#keyFile(authority), await this.#certificateFile(authority)];
    await openssl('ca', '-gencrl', '-config', config, '-keyfile', key, '-cert', certificate, '-out', file);
    return file;
  }

  /** `undefined` when OpenSSL accepts the chain, otherwise what it says. All DER, the leaf first. */
  async verify(
    presented: readonly Uint8Array[],
    root: Uint8Array,
    options: VerifyOptions,
  ): Promise<string | undefined> {
    const [leaf, ...others] = presented.map(pem);
    const result = await run('openssl', [
      ...['verify', '-x509_strict', '-no-CApath', '-no-CAstore', '-attime', String(options.atSeconds)],
      // What our limits are: 112 bits, and one authority between leaf and root.
      ...['-auth_level', '2', '-verify_depth', '1', '-purpose', options.purpose],
      ...['-CAfile', this.#write(pem(root))],
      ...(others.length > 0 ? ['-untrusted', this.#write(others.join(''))] : []),
      ...(options.hostName === undefined ? [] : ['-verify_hostname', options.hostName]),
      ...(options.crls ? ['-crl_check_all', ...options.crls.flatMap((file) => ['-CRLfile', file])] : []),
      this.#write(leaf ?? ''),
    ]);
    return result.code === 0 ? undefined : result.stderr;
  }

  #certificateFile(recipe: Recipe): Promise<string> {
    return this.#once(JSON.stringify(recipe), () => this.#issue(recipe));
  }

  async #issue(recipe: Recipe): Promise<string> {
    const { issuer, digest = 'sha256', signatureOptions = [], serial = `0x${1_000 + this.#files}` } = recipe;
    const [request, certificate] = [this.#file(), this.#file()];
    const key = await this.#keyFile(recipe);
    await openssl('req', '-new', '-key', key, '-subj', recipe.subject, '-out', request);
    const extensions = Object.entries(recipe.extensions).filter(([, value]) => value !== '');
    const signer = issuer
      ? ['-CA', await this.#certificateFile(issuer), '-CAkey', await this.#keyFile(issuer)]
      : ['-signkey', key];
    await openssl(
      ...[
        'x509',
        '-req',
        '-in',
        request,
        '-out',
        certificate,
        '-days',
        String(recipe.days),
        '-set_serial',
        serial,
        `-${digest}`,
      ],
      ...signer,
      ...signatureOptions.flatMap((option) => ['-sigopt', option]),
      ...['-extfile', this.#write(extensions.map(([name, value]) => `${name}=${value}\n`).join(''))],
    );
    return certificate;
  }

  #keyFile({ subject, key }: Recipe): Promise<string> {
    return this.#once(`${key} ${subject}`, async () => {
      const file = this.#file();
      const [algorithm, ...options] = KEYS[key];
      await openssl('genpkey', '-algorithm', algorithm, ...options.flatMap((one) => ['-pkeyopt', one]), '-out', file);
      return file;
    });
  }

  #once(name: string, make: () => Promise<string>): Promise<string> {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made;
  }

  #write(content: string): string {
    const file = this.#file();
    writeFileSync(file, content);
    return file;
  }

  #file(): string {
    this.#files += 1;
    return join(this.#dir, `${this.#files}.pem`);
  }
}

export function pem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}

async function openssl(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run('openssl', args);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}
