/**
 * The arithmetic of a stacked bar: widths in percent that always fill the bar, with no part too thin to be seen.
 *
 * Three dead addresses among a million would be a thousandth of a pixel wide. Such a part is drawn `minPercent` wide
 * and the others give up the difference in proportion; the numbers beside the bar stay exact.
 */

export interface Part<Name extends string> {
  readonly name: Name
  readonly count: number
}

export interface Segment<Name extends string> extends Part<Name> {
  /** Width in percent of the bar. */
  readonly percent: number
}

/** Lays out the parts that aren't zero, in their order. All zero: no segments. Widths sum to 100. */
export function layOutBar<Name extends string>(
  parts: readonly Part<Name>[],
  minPercent = 0.4,
): readonly Segment<Name>[] {
  const shown = parts.filter(part => part.count > 0)
  const total = sum(shown)
  const isThin = (part: Part<Name>): boolean => (part.count / total) * 100 < minPercent
  const thin = shown.filter(isThin)
  const roomForOthers = 100 - thin.length * minPercent
  const othersTotal = total - sum(thin)
  return shown.map(part => ({
    ...part,
    percent: isThin(part) ? minPercent : (part.count / othersTotal) * roomForOthers,
  }))
}

/** What all parts come to. */
export function sum(parts: readonly Part<string>[]): number {
  return parts.reduce((total, part) => total + part.count, 0)
}
