/**
 * A base that behaves like one that is too large: PostgreSQL ends the statements that look through too much of an app's devices, with the
 * code of the time limit (57014), and at once. So no test waits for a limit, and none is ended by it because the machine is busy.
 */
import { bucketOf } from '../src/registry/buckets.ts'
import { Database } from '../src/store/database.ts'
import { cloneDatabase } from './database.ts'

export interface SlowBase {
  readonly db: Database
  /** An app with devices `d0`, `d1`, … that came an hour ago; all have the tag `tier` "gold". Returns its id. */
  createApp(devices: number): Promise<number>
  /** So many buckets a statement looks through of the app's devices, one behind the other; 0: it reads none. Default: all. */
  limit(appId: number, buckets: number): Promise<void>
  /** The connection breaks of whoever reads the app's devices. */
  breakConnections(appId: number): Promise<void>
  close(): Promise<void>
}

/**
 * `cost`: it is asked after the comparisons of the key, and before those of a condition, of each row that is looked at. A statement is told from
 * the next one by its time.
 */
const LIMITS = `
  create table limited (app_id integer primary key, buckets integer not null, is_broken boolean not null);
  create function is_within_limit(app integer, bucket integer) returns boolean language plpgsql volatile cost 1.5 as $$
  declare
    limits limited;
    statement text := statement_timestamp()::text;
    first text[] := string_to_array(current_setting('test.first', true), '|');
  begin
    select * into limits from limited where app_id = app;
    if not found then return true; end if;
    if limits.is_broken then perform pg_terminate_backend(pg_backend_pid()); end if;
    if first[1] is distinct from statement then
      first := array[statement, bucket::text];
      perform set_config('test.first', array_to_string(first, '|'), false);
    end if;
    if abs(bucket - first[2]::integer) >= limits.buckets then
      perform pg_cancel_backend(pg_backend_pid());
      perform pg_sleep(600); -- where the end is noticed
    end if;
    return true;
  end $$;
  alter table device rename to device_row;
  create view device as select * from device_row where is_within_limit(app_id, bucket);`

export async function startSlowBase(): Promise<SlowBase> {
  const database = await cloneDatabase()
  const db = new Database({ url: database.url })
  await db.query(LIMITS)
  const set = (appId: number, buckets: number, isBroken: boolean) =>
    db.query(
      `insert into limited values ($1, $2, $3)
       on conflict (app_id) do update set buckets = excluded.buckets, is_broken = excluded.is_broken`,
      [appId, buckets, isBroken],
    )
  let apps = 0
  return {
    db,
    createApp: devices => createApp(db, `AAAAA-AAAA${++apps}`, devices),
    limit: async (appId, buckets) => void (await set(appId, buckets, false)),
    breakConnections: async appId => void (await set(appId, 0, true)),
    close: async () => {
      await db.close()
      await database.drop()
    },
  }
}

async function createApp(db: Database, code: string, devices: number): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    "insert into app (code, name) values ($1, 'Test') returning id",
    [code],
  )
  const id = rows[0]?.id as number
  const hwids = Array.from({ length: devices }, (_, i) => `d${i}`)
  await db.query(
    `insert into device_row (bucket, app_id, hwid, first_seen_at, last_seen_at, tags)
     select i.bucket, $1, i.hwid, now() - interval '1 hour', now(), '{"tier": "gold"}' from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)`,
    [id, hwids.map(bucketOf), hwids],
  )
  return id
}
