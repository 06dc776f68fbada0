import type { Leaf } from '../tree.ts'

/** What the fields of each kind of rule are given. */
export interface LeafProps<L extends Leaf> {
  readonly app: string
  readonly leaf: L
  readonly onLeaf: (leaf: L) => void
}
