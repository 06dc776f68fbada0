/**
 * How far V8 lets the heap of a process grow that only sends. What lives while a gateway answers reaches the old generation, and V8
 * lets that become several times as large as what is alive in it before it looks: 195 MB for 70 (docs/performance.md).
 */
import { setFlagsFromString } from 'node:v8'

/** Of what was alive at the last full collection: 50 to 150 MB less than V8's own choice, at the same CPU time within the noise. */
const GROWING_PERCENT = 50

/** Before the heap has grown. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`)
}
