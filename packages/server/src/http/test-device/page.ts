/**
 * The page behind the code of an invitation: says that it was scanned, and opens the app or the site. Browsers that are inside other apps can't open
 * an app by its own scheme, hence a page with a link, and a word on what to do then.
 */

export const STYLE = `
:root { color-scheme: light dark }
body { font: 17px/1.5 system-ui, sans-serif; max-width: 26em; margin: 3em auto; padding: 0 1.2em }
h1 { font-size: 1.3em }
a { display: block; padding: .8em; border-radius: .5em; background: #2457d6; color: #fff; text-align: center; text-decoration: none }
[hidden] { display: none }
.fault { color: #b3261e }
@media (prefers-color-scheme: dark) { .fault { color: #f2b8b5 } }`

export const SCRIPT = `
const show = (id, text) => { const it = document.getElementById(id); it.textContent = text; it.hidden = false }
const fail = (what, remedy) => { document.getElementById('wait').hidden = true; show('fault', what); show('remedy', remedy) }
const code = location.hash.slice(1)
const noted = () => { try { return localStorage.getItem('roost-test') === code } catch { return false } }
const note = () => { try { localStorage.setItem('roost-test', code) } catch {} }
const scan = async () => {
  const answer = await fetch('/v1/test-invitations/scan', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code, isAgain: noted() }),
  })
  const body = await answer.json()
  if (!answer.ok) return fail(body.detail, body.remedy)
  note()
  document.getElementById('wait').hidden = true
  show('title', 'Test device for ' + body.app)
  const link = document.getElementById('open')
  link.href = body.opens
  link.hidden = false
  show('hint', 'Nothing happens? Open this page in the browser of the system: apps such as messengers open no other apps.')
}
if (code === '') fail('There is no code in this link.', 'Scan the whole code again.')
else scan().catch(() => fail('The server does not answer.', 'See that the phone has a network in which it reaches the server.'))`

export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Test device</title>
<style>${STYLE}</style>
<h1 id="title">Test device</h1>
<p id="wait">One moment …</p>
<p id="fault" class="fault" role="alert" hidden></p>
<p id="remedy" hidden></p>
<a id="open" rel="noreferrer" hidden>Open it</a>
<p id="hint" hidden></p>
<script>${SCRIPT}</script>
</html>
`
