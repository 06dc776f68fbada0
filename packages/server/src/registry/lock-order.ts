/**
 * The order in which everything locks what the base consists of, so that transactions wait for each other and never in a
 * circle (a deadlock costs a second, and one side its work):
 *
 *   1. device rows that are inserted: others wait for them before they can be seen
 *   2. device rows that are there
 *   3. directory rows, inserted or there
 *   4. address rows
 *
 * each by its key. One may be left out, none is gone back to. Where rows of one kind are changed by several statements,
 * all of them are locked before the first one. Text goes by its bytes, since what `order by` comes to otherwise is
 * up to the database's locale.
 *
 * `insert … on conflict` locks in the order of its rows; `update … from` and `delete … using` in the order of their plan,
 * so several rows are locked first, by `select … order by … for update`. Parts of one statement run when something reads
 * them: what has to come later asks for a count of what has to come first.
 *
 * Four depart from it, and whom PostgreSQL ends then is repeated (`Database.transaction`): an import stores its new
 * devices with all that is theirs before it comes to known ones (bulk/store.ts); a device that is erased while a call of it
 * waits is inserted among the known ones (register/devices.ts); who tells of a call that somebody has
 * made who is just erased holds the call, and may wait for a device of theirs (calls/views.ts); and where devices of one bucket are called alike but for their
 * case, held deaths are decided in the order of the database's locale, which is that of their index (hygiene/guard.ts).
 */

export interface DeviceKey {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
}

export function byDeviceKey(a: DeviceKey, b: DeviceKey): number {
  return a.bucket - b.bucket || a.appId - b.appId || compareText(a.hwid, b.hwid)
}

/** By UTF-8 bytes, as `collate "C"`; rarely asked, since few devices of a batch share a bucket. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

interface DirectoryKey {
  readonly addressBucket: number
  readonly appId: number
  readonly hash: Buffer
}

export function byDirectoryKey(a: DirectoryKey, b: DirectoryKey): number {
  return a.addressBucket - b.addressBucket || a.appId - b.appId || a.hash.compare(b.hash)
}

/** For `order by`; `row` is the name of a table or of what has its key. */
export function deviceOrder(row: string): string {
  return `${row}.bucket, ${row}.app_id, ${row}.hwid collate "C"`
}

export function directoryOrder(row: string): string {
  return `${row}.address_bucket, ${row}.app_id, ${row}.address_hash`
}

export function addressOrder(row: string): string {
  return `${deviceOrder(row)}, ${row}.address_hash`
}
