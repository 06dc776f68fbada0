import { expect, test } from 'vitest'
import { linkToOpen } from './link.ts'

const PARTS = { code: 'C0de', application: 'AAAAA-BBBBB', server: 'https://push.example' }

test('a page of a site gets the code in the fragment, behind what it has there', () => {
  expect(linkToOpen('https://shop.example/?a=1', PARTS)).toBe('https://shop.example/?a=1#roost-test=C0de')
  expect(linkToOpen('https://shop.example/#/offers', PARTS)).toBe(
    'https://shop.example/#/offers&roost-test=C0de',
  )
})

test('an app gets it in the query, with where to call; without a link of its own by the scheme of ours', () => {
  const query = 'roost-test=C0de&application=AAAAA-BBBBB&server=https%3A%2F%2Fpush.example'
  expect(linkToOpen('shop://test', PARTS)).toBe(`shop://test?${query}`)
  expect(linkToOpen('shop://test?x=1', PARTS)).toBe(`shop://test?x=1&${query}`)
  expect(linkToOpen(null, PARTS)).toBe(`roost-test://join?${query}`)
})
