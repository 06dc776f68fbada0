/**
 * R2: the former address of the same kind ends in the same transaction in which the new one begins, and the ledger is
 * told so.
 */

/** SQL. `rows`: what begins, as i (bucket, app_id, hwid, kind, hash); `at`: since when, an expression on it. */
export function superseding(rows: string, at: string): string {
  return `
  with superseded as (
    update address a
       set state = 'superseded', reason = 'replaced_by_new_address', generation = a.generation + 1,
           state_since = ${at}
      from ${rows}
     where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.kind = i.kind
       and a.address_hash <> i.hash and a.state in ('active', 'suspect', 'quarantined')
    returning a.*
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, state_since, 'superseded', reason, provider, environment, kind, right(address, 8),
         generation
    from superseded`
}
