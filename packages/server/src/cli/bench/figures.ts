/** What the measurements make of their figures. */

/** The lower of two in the middle; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

/** `share` of the values are at most this: 0.5 is the median. Sorts in place; 0 of nothing. */
export function percentile(values: Float64Array, share: number): number {
  values.sort()
  return values[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)] ?? 0
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, it) => total + it, 0)
}

export function round1(value: number): number {
  return Number(value.toFixed(1))
}

export function round2(value: number): number {
  return Number(value.toFixed(2))
}
