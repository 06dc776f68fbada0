/** Many devices at once, for messages to all. */
import { BUNDLE_ID, type TestRoost } from './roost.ts'

/** A thousand connections of one client at once would be a test of something else, and of how busy this machine is. */
const AT_ONCE = 100

/** iPhones `device-0` and so on, with tokens that Apple knows; they are not played. */
export async function addDevices(roost: TestRoost, count: number): Promise<string[]> {
  const hwids = Array.from({ length: count }, (_, i) => `device-${i}`)
  for (let from = 0; from < count; from += AT_ONCE)
    await Promise.all(hwids.slice(from, from + AT_ONCE).map(hwid => register(roost, hwid)))
  return hwids
}

async function register(roost: TestRoost, hwid: string): Promise<void> {
  const push_token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID })
  const { status, body } = await roost.device('registerDevice', { hwid, device_type: 1, push_token })
  if (status !== 200) throw new Error(`${hwid} was not registered: ${status} ${body.status_message}`)
}
