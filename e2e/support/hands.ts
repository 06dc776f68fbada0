/** What a person does on a page of the console, by what they read: roles and names as a screen reader has them. */
import type { ElementHandle, Page } from 'puppeteer-core'

const WITHIN_MS = 60_000

/** The element with this role and name, within a part of the page that a CSS selector names; waits until it is seen. */
export async function named(
  page: Page,
  role: string,
  name: string,
  within = 'body',
): Promise<ElementHandle<Element>> {
  const found = await page
    .waitForSelector(`${within} ::-p-aria([name="${name}"][role="${role}"])`, {
      visible: true,
      timeout: WITHIN_MS,
    })
    .catch((cause: unknown) => complain(page, `There is no ${role} “${name}”`, cause))
  return found as ElementHandle<Element>
}

/** Clicks it once it may be clicked. What is drawn anew under a pointer would get no click of one, so it comes from within. */
export async function press(page: Page, name: string, role = 'button', within?: string): Promise<void> {
  const found = await named(page, role, name, within)
  await page.waitForFunction(
    it => !it.matches(':disabled, [data-loading]'),
    { timeout: WITHIN_MS },
    found as ElementHandle<HTMLElement>,
  )
  await found.evaluate(it => (it as HTMLElement).click())
}

/** In the place of what stands there. */
export async function write(page: Page, name: string, text: string, within?: string): Promise<void> {
  await rewrite(await named(page, 'textbox', name, within), text)
}

/** The same for a field at hand. It is emptied by its own setter: a selection may be lost before the first key, which would append. */
export async function rewrite(field: ElementHandle<Element>, text: string): Promise<void> {
  await field.focus()
  await field.evaluate(it => {
    const value = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(it), 'value')
    value?.set?.call(it, '')
    it.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await field.type(text)
}

/** An entry of the list that a field opens. */
export async function choose(page: Page, field: string, option: string): Promise<void> {
  await page.locator(field).click()
  await page.locator(`::-p-aria([name="${option}"][role="option"])`).click()
}

/** Waits until the page, or a dialog of it, says so. */
export async function sees(page: Page, words: string | RegExp, withinMs = WITHIN_MS): Promise<void> {
  const { source, flags } =
    typeof words === 'string' ? new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : words
  await page
    .waitForFunction(
      (pattern, how) => new RegExp(pattern, how).test(document.body.innerText),
      { timeout: withinMs },
      source,
      flags,
    )
    .catch((cause: unknown) => complain(page, `The page never said ${words}`, cause))
}

async function complain(page: Page, what: string, cause: unknown): Promise<never> {
  const text = await page.evaluate(() => document.body.innerText)
  throw new Error(`${what}. It says:\n${text.slice(0, 3000)}`, { cause })
}

export async function isTitled(page: Page, title: string): Promise<void> {
  await page
    .waitForFunction(
      words => document.querySelector('h1')?.textContent === words,
      { timeout: WITHIN_MS },
      title,
    )
    .catch((cause: unknown) => complain(page, `The page is not titled “${title}”`, cause))
}

/** A file that somebody drops or chooses. */
export async function giveFile(page: Page, path: string): Promise<void> {
  const input = await page.waitForSelector('input[type=file]')
  await (input as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(path)
}
