/** Numbers as they are said: digits with commas, shares rounded down, so that nothing seems reached that is not. */
import { SHARE_PARTS } from './limits.ts';

export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** Decimals that a share needs when it is said in per cent. @param min at least so many */
export function decimalsOf(share: number, min: number): number {
  const parts = Math.round(share * SHARE_PARTS);
  const needed = parts % 100 === 0 ? 0 : parts % 10 === 0 ? 1 : 2;
  return Math.max(min, needed);
}

export function percentText(part: number, whole: number, decimals: number): string {
  const scale = 10 ** decimals;
  const units = whole === 0 ? 0 : Math.floor((part * 100 * scale) / whole);
  return `${(units / scale).toFixed(decimals)} %`;
}

/** Rounded up to a minute; the two largest units. */
export function durationText(durationMs: number): string {
  const minutes = Math.max(1, Math.ceil(durationMs / 60_000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor(minutes / 60) % 24, 'h'],
    [minutes % 60, 'min'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${countText(count)} ${unit}`)
    .join(' ');
}
