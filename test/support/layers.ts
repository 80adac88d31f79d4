/** Who may import whom (design section 1), as a function of sources: so that its own tests can plant violations. */
import { dirname, join, normalize } from 'node:path/posix';
import { withoutComments } from './source.ts';

/** Layers below; `null` for those at the rim, which may import everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | null>> = {
  core: [],
  trust: ['core'],
  fleet: ['core', 'trust'],
  device: ['core', 'trust'],
  transport: ['core', 'trust'],
  adapters: ['core', 'trust', 'fleet', 'device'],
  protocols: ['core', 'trust', 'fleet', 'device', 'transport'],
  server: null,
  cli: null,
  lab: null,
};
/** What the rim may not: the server is below the commands. */
const NEVER: Readonly<Record<string, readonly string[]>> = { server: ['cli', 'lab'] };

/** Files of the trust core that use a package, and why. */
export const TRUST_CORE_EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ['trust/x509.ts', 'issues certificates with @peculiar/x509 and verifies none (design section 4)'],
]);

/**
 * Static, side-effect and type imports and re-exports; dynamic imports with any quote. A method may be called `import`: it is called
 * behind a dot or #, and where it is declared its first parameter has a type.
 */
const STATIC = /\b(?:import|export)\b(?:[^'"`;()]*?\bfrom)?\s*(['"])([^'"\n]+)\1/g;
const DYNAMIC = /(?<![.#])\bimport\s*\((?!\w+\??:)\s*(?:(['"`])([^'"`\n$]+)\1\s*[,)])?/g;

export interface Violation {
  readonly file: string;
  readonly rule: string;
}

/** @param sources path below src/ (posix) to text; tests left out */
export function layerViolations(sources: ReadonlyMap<string, string>): readonly Violation[] {
  const imports = new Map([...sources].map(([file, text]) => [file, importsOf(file, text)]));
  return [...sources.keys()].flatMap((file) => [
    ...folderRule(file),
    ...(imports.get(file) ?? []).flatMap((target) => importRule(file, target)),
    ...reachRule(file, imports),
  ]);
}

/** Targets as paths below src/, package names, or `undefined` for a dynamic import nobody can follow. */
function importsOf(file: string, source: string): readonly (string | undefined)[] {
  const text = withoutComments(source);
  const fixed = [...text.matchAll(STATIC)].map(([, , target = '']) => target);
  const dynamic = [...text.matchAll(DYNAMIC)].map(([, , target]) => target);
  return [...fixed, ...dynamic].map((target) =>
    target?.startsWith('.') ? normalize(join(dirname(file), target)) : target,
  );
}

function folderRule(file: string): Violation[] {
  const [layer = ''] = file.split('/');
  if (Object.hasOwn(MAY_IMPORT, layer)) return [];
  return [{ file, rule: `"${layer}" is no layer of design section 1` }];
}

function importRule(file: string, target: string | undefined): Violation[] {
  const broken = (rule: string) => [{ file, rule }];
  if (target === undefined) return broken('a dynamic import whose target is not written out');
  const [layer = '', part] = file.split('/');
  if (!target.includes('.ts')) return isTrustCore(file) && !target.startsWith('node:') ? packageRule(file, target) : [];
  const [toLayer = '', toPart] = target.split('/');
  if (target.startsWith('..')) return broken(`imports ${target}, outside of src/`);
  if (toLayer === layer) {
    const isOtherProtocol = layer === 'protocols' && part !== toPart;
    return isOtherProtocol ? broken(`protocol ${part} imports protocol ${toPart}`) : [];
  }
  if (NEVER[layer]?.includes(toLayer)) return broken(`${layer} imports ${toLayer}`);
  const allowed = MAY_IMPORT[layer];
  return allowed === null || allowed?.includes(toLayer) ? [] : broken(`${layer} imports ${toLayer}`);
}

function packageRule(file: string, target: string): Violation[] {
  return TRUST_CORE_EXCEPTIONS.has(file) ? [] : [{ file, rule: `the trust core imports package ${target}` }];
}

function isTrustCore(file: string): boolean {
  return /^(?:core|trust)\//.test(file) || /\/(?:codec|machine)\.ts$/.test(file);
}

/** A client never reaches the fleet, a codec only core and its own folder: however many files lie between. */
function reachRule(file: string, imports: ReadonlyMap<string, readonly (string | undefined)[]>): Violation[] {
  const isClient = /^protocols\/[^/]+\/client\.ts$/.test(file);
  const isCodec = /^protocols\/[^/]+\/codec\.ts$/.test(file);
  if (!isClient && !isCodec) return [];
  const own = dirname(file);
  const reached = reachableFrom(file, imports).filter((one) => one.endsWith('.ts') && dirname(one) !== own);
  const bad = reached.filter((one) => (isClient ? one.startsWith('fleet/') : !one.startsWith('core/')));
  return bad.map((one) => ({ file, rule: `${isClient ? 'a client' : 'a codec'} reaches ${one}` }));
}

function reachableFrom(file: string, imports: ReadonlyMap<string, readonly (string | undefined)[]>): string[] {
  const seen = new Set<string>();
  const waiting = [file];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const target of imports.get(next) ?? []) {
      if (target === undefined || seen.has(target)) continue;
      seen.add(target);
      waiting.push(target);
    }
  }
  return [...seen];
}
