/** A QR code in the terminal, two modules of it to a character; black on white, whatever the colours of the terminal are. */
import { toString as draw } from 'qrcode'

export function drawQr(text: string): Promise<string> {
  return draw(text, { type: 'terminal', small: true })
}
