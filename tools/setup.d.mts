export class SetupError extends Error {}
export const OLDEST_NODE: number;
export const PLATFORMS: ReadonlyMap<string, string>;
export interface NodeLike {
  readonly version: string;
  readonly execPath: string;
  readonly platform: string;
  readonly arch: string;
}
export function explainNpmFailure(output: string, logFile: string): string;
export function platformPackage(platform: string, arch: string): string;
export function ensureRuntime(which?: 'default' | 'next', root?: string, node?: NodeLike): Promise<string>;
export function isSetUp(root?: string, node?: NodeLike): boolean;
export function setUp(root?: string, node?: NodeLike): Promise<string>;
export function ensureTool(name: string, root?: string): Promise<string>;
