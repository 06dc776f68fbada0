/** Renderers: one for a message at a gateway, whatever number of batches it has. */
import { expect, test } from 'vitest'
import type { Batch } from './lease.ts'
import { Renderers } from './renderers.ts'

const BATCH: Batch = {
  id: 1,
  messageId: '0198c5f2-7b6a-7000-8000-000000000001',
  appId: 1,
  provider: 'apns',
  content: { title: 'Hello' },
  experiment: null,
  knock: null,
  ttlSeconds: 60,
  priority: 'high',
  collapseKey: null,
} as Partial<Batch> as Batch

const PHONE = { hwid: 'phone', facts: null }

function titleBy(renderers: Renderers, batch: Batch): string | undefined {
  const rendered = renderers.for(batch).notificationFor(PHONE)
  return rendered.kind === 'notification' ? rendered.notification.title : undefined
}

test('what names no variable is rendered once for all batches of a message at a gateway', () => {
  const counts = { shared: 0, personal: 0 }
  const renderers = new Renderers(counts)
  const titles = [1, 2, 3].map(id => titleBy(renderers, { ...BATCH, id }))
  expect(titles).toEqual(['Hello', 'Hello', 'Hello'])
  expect(counts).toEqual({ shared: 1, personal: 0 })
  titleBy(renderers, { ...BATCH, provider: 'fcm' })
  expect(counts).toEqual({ shared: 2, personal: 0 })
})

test('another message has its own content', () => {
  const renderers = new Renderers({ shared: 0, personal: 0 })
  titleBy(renderers, BATCH)
  const other = { ...BATCH, messageId: '0198c5f2-7b6a-7000-8000-000000000002', content: { title: 'Bye' } }
  expect(titleBy(renderers, other)).toBe('Bye')
})

test('those of messages that are over are forgotten', () => {
  const counts = { shared: 0, personal: 0 }
  const renderers = new Renderers(counts)
  titleBy(renderers, BATCH)
  for (let i = 0; i < 40; i++)
    titleBy(renderers, { ...BATCH, messageId: `0198c5f2-7b6a-7000-8000-0000000001${i + 10}` })
  titleBy(renderers, BATCH)
  expect(counts.shared).toBe(42)
})
