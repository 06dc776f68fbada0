/**
 * The devices of a person, for what happens at every call of a device. A name that clients give to everybody ("guest") has millions; reading
 * all of them for each of them is quadratic, and they are no person's.
 */

/** Of these those are taken that were seen last. People have fewer. */
const LOOKED_AT = 200
const SEEN_LAST_MAX = 50

/**
 * SQL: the keys of the 50 devices of a user that were seen last; both arguments are SQL. Of a name with more than 200 devices it is left to
 * the index device_of_user which of them are looked at: one by the last sight would cost every call of every device a write.
 */
export function devicesOfPerson(appId: string, userId: string): string {
  return `select bucket, app_id, hwid
            from (select bucket, app_id, hwid, last_seen_at from device
                  ${ofUserByIndex(appId, userId)} limit ${LOOKED_AT}) of_user
           order by last_seen_at desc, hwid limit ${SEEN_LAST_MAX}`
}

/**
 * SQL: `where` and `order by` for some devices of a user, to be followed by a limit. Written as an order within a range, for which the index
 * device_of_user is needed: for `user_id = …` with a limit the planner reads the table where a name is frequent, all of it when those
 * come last (51 ms of 600,000 rows).
 */
export function ofUserByIndex(appId: string, userId: string): string {
  return `where app_id = ${appId} and user_id >= ${userId} and user_id <= ${userId} order by user_id`
}
