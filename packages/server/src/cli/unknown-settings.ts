/** A setting with a slip in its name would be ignored in silence. */
export function tellUnknown(faults: readonly string[]): void {
  for (const fault of faults) process.stderr.write(`roost: ${fault}\n`)
}
